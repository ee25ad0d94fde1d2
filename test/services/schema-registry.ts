/** Apicurio Registry: the HTTP API of Confluent's schema registry, over a database in a file. */
import { existsSync } from 'node:fs';
import { rename, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { download, type Installation, installedIn, lacking, run } from './installation.ts';
import { freePort, type Lifetime, type Service, serviceFolder, startProcess } from './service.ts';

/** The last that Java 17 runs. */
const VERSION = '3.0.9';
const ARCHIVE = `io/apicurio/apicurio-registry-app/${VERSION}/apicurio-registry-app-${VERSION}-all.tar.gz`;
const SHA256 = '2b28181501a20cbf6efcd77f9b7153908fc01f3d3a7c32024c0bd9e1b04c8a43';

export interface SchemaRegistry extends Service {
  /** Where Confluent's API begins: `${url}/subjects`, `${url}/schemas/ids/1`. */
  url: string;
}

const folder = () => installedIn(`schema-registry-${VERSION}`);
const jar = () => join(folder(), `app/apicurio-registry-app-${VERSION}-runner.jar`);

export const schemaRegistry: Installation = {
  name: 'schema-registry',
  what: `Apicurio Registry ${VERSION} (Maven: io.apicurio:apicurio-registry-app)`,
  isInstalled: () => existsSync(jar()),
  impossible: () => lacking('java', 'mvn', 'tar'),
  async install() {
    const [archive, unpacked] = [join(folder(), 'app.tar.gz'), join(folder(), 'unpacked')];
    await download(ARCHIVE, SHA256, archive);
    await rm(unpacked, { recursive: true, force: true });
    await run('mkdir', [unpacked]);
    await run('tar', ['-xzf', archive, '-C', unpacked]);
    await rename(unpacked, join(folder(), 'app'));
    await rm(archive);
  },
};

export async function startSchemaRegistry(t: Lifetime): Promise<SchemaRegistry> {
  const data = await serviceFolder(t);
  const port = await freePort();
  const root = `http://127.0.0.1:${port}`;
  const settings = {
    'quarkus.http.host': '127.0.0.1',
    'quarkus.http.port': port,
    'quarkus.management.enabled': false,
    // Else it writes half a second after it has answered.
    'apicurio.datasource.url': `jdbc:h2:file:${join(data, 'registry')};WRITE_DELAY=0`,
  };
  const service = await startProcess(t, {
    name: 'Apicurio Registry',
    port,
    command: 'java',
    args: [
      ...['-Xmx384m', '-XX:+UseSerialGC', '-XX:TieredStopAtLevel=1'],
      ...Object.entries(settings).map(([key, value]) => `-D${key}=${value}`),
      ...['-jar', jar()],
    ],
    cwd: data,
    ready: async () => (await fetch(`${root}/apis/ccompat/v7/subjects`)).ok,
  });
  return { ...service, url: `${root}/apis/ccompat/v7` };
}
