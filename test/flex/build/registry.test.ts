import assert from 'node:assert/strict';
import { chmod, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import type Docker from 'dockerode';
import { pack } from 'tar-stream';
import { loadConfig } from '../../../src/config.ts';
import { buildImage } from '../../../src/flex/build/image.ts';
import { packTemplate } from '../../../src/flex/build/pack.ts';
import { pushImage } from '../../../src/flex/build/registry.ts';
import { sluice } from '../../helpers/cli.ts';
import { flexExample } from '../../helpers/flex.ts';
import { temporaryFolder } from '../../helpers/temporary.ts';
import { startDocker } from '../../services/docker.ts';
import { missing } from '../../services/index.ts';
import { startRegistry } from '../../services/registry.ts';
import { shared } from '../../services/service.ts';

const skip = missing('docker', 'registry');
const engine = shared(startDocker);
const BASE = 'small:1';

/** An image that is pushed in no time: nothing of it is ever run. */
async function makeBase(t: TestContext, client: Docker): Promise<void> {
  const tar = pack();
  const lines = [
    'FROM scratch',
    'COPY Dockerfile /worker',
    'ENTRYPOINT ["/worker"]',
    'LABEL sluice.worker=1',
  ];
  tar.entry({ name: 'Dockerfile' }, `${lines.join('\n')}\n`);
  tar.finalize();
  const answer = await client.buildImage(tar, { t: BASE });
  await new Promise<void>((resolve, reject) => {
    client.modem.followProgress(answer, error => (error ? reject(error) : resolve()));
  });
  t.after(() => client.getImage(BASE).remove({ force: true }));
}

async function build(t: TestContext, client: Docker, name: string, base = BASE): Promise<string> {
  const config = loadConfig({ SLUICE_HOME: await temporaryFolder(t) });
  const packed = await packTemplate(config, await flexExample(t));
  const { id } = await buildImage(config, client, packed, { name, base, noCache: false, tell: () => {} });
  t.after(() => client.getImage(name).remove({ force: true }));
  return id;
}

test('an image goes to the registry of its name, and others build on it from there', { skip }, async t => {
  const { client, gateway, host } = await engine();
  const { address } = await startRegistry(t, { host: gateway });
  await makeBase(t, client);
  const name = `${address}/team/places:1`;
  const folder = await flexExample(t);
  const finished = await sluice(['flex', 'build', folder, '--image', name, '--no-test', '--json'], {
    home: await temporaryFolder(t),
    env: { DOCKER_HOST: host, SLUICE_WORKER_IMAGE: BASE },
  });
  assert.equal(finished.status, 0, finished.stderr);
  const { digest } = JSON.parse(finished.stdout);
  const manifest = await fetch(`http://${address}/v2/team/places/manifests/1`, {
    headers: { accept: 'application/vnd.docker.distribution.manifest.v2+json' },
  });
  assert.equal(manifest.headers.get('docker-content-digest'), digest);
  await client.getImage(name).remove({ force: true });
  await build(t, client, 'upon:1', name);
  t.after(() => client.getImage(name).remove({ force: true }));
  const { RepoDigests: digests } = await client.getImage(name).inspect();
  assert.deepEqual(digests, [`${address}/team/places@${digest}`]);
});

test('a registry that asks who we are is told what `docker login` has kept', { skip }, async t => {
  const { client, gateway } = await engine();
  const { address, username, password } = await startRegistry(t, { host: gateway, signIn: true });
  await makeBase(t, client);
  const name = `${address}/places:1`;
  await build(t, client, name);
  const config = loadConfig({ SLUICE_HOME: await temporaryFolder(t) });
  const folder = await temporaryFolder(t);
  const { DOCKER_CONFIG: before } = process.env;
  process.env.DOCKER_CONFIG = folder;
  t.after(() => {
    if (before === undefined) delete process.env.DOCKER_CONFIG;
    else process.env.DOCKER_CONFIG = before;
  });
  const pushWith = (settings: object) =>
    writeFile(join(folder, 'config.json'), JSON.stringify(settings)).then(() =>
      pushImage(config, client, name, () => {}),
    );
  const authOf = (secret: string) => ({
    auths: { [address]: { auth: Buffer.from(`${username}:${secret}`).toString('base64') } },
  });

  const refused = {
    code: 'IMAGE_PUSH_FAILED',
    message: /^the image .*\/places:1 cannot be pushed: .*no basic auth/,
  };
  await assert.rejects(pushWith({}), refused);
  await assert.rejects(pushWith(authOf('wrong')), { code: 'IMAGE_PUSH_FAILED' });
  assert.match(await pushWith(authOf(password)), /^sha256:[0-9a-f]{64}$/);

  const helper = join(folder, 'docker-credential-test');
  const answer = JSON.stringify({ Username: username, Secret: password });
  await writeFile(helper, `#!/bin/sh\n[ "$(cat)" = ${address} ] && echo '${answer}'\n`);
  await chmod(helper, 0o755);
  const { PATH: path } = process.env;
  process.env.PATH = `${folder}:${path}`;
  t.after(() => {
    process.env.PATH = path;
  });
  assert.match(await pushWith({ credHelpers: { [address]: 'test' } }), /^sha256:[0-9a-f]{64}$/);
});

test('a registry that is not there is told in one sentence', { skip }, async t => {
  const { client } = await engine();
  await makeBase(t, client);
  const config = loadConfig({ SLUICE_HOME: await temporaryFolder(t) });
  const name = '127.0.0.1:1/places:1';
  await build(t, client, name);
  await assert.rejects(
    pushImage(config, client, name, () => {}),
    {
      code: 'IMAGE_PUSH_FAILED',
      message: /^the image 127\.0\.0\.1:1\/places:1 cannot be pushed: .*connection refused/,
    },
  );
  await assert.rejects(build(t, client, 'upon:2', '127.0.0.1:1/nothing:1'), {
    code: 'IMAGE_NOT_FOUND',
    message:
      /^there is no image 127\.0\.0\.1:1\/nothing:1 here, and it cannot be pulled: .*connection refused/,
  });
});
