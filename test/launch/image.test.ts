import assert from 'node:assert/strict';
import { type TestContext, test } from 'node:test';
import type Docker from 'dockerode';
import { loadConfig } from '../../src/config.ts';
import { resolveImage } from '../../src/launch/image.ts';
import { buildImage } from '../helpers/images.ts';
import { temporaryFolder } from '../helpers/temporary.ts';
import { startDocker } from '../services/docker.ts';
import { missing } from '../services/index.ts';
import { startRegistry } from '../services/registry.ts';
import { shared } from '../services/service.ts';

const skip = missing('docker', 'registry');
const engine = shared(startDocker);

interface Images {
  docker: Docker;
  /** Of the registry, `host:port`. */
  address: string;
  /** Makes an image that holds this text, and gives its id. */
  make(name: string, text: string): Promise<string>;
  /** Gives the digest. */
  push(name: string): Promise<string>;
  remove(...names: string[]): Promise<void>;
  isHere(name: string): Promise<boolean>;
  resolve(name: string, options?: { verify?: boolean; allow?: string[] }): ReturnType<typeof resolveImage>;
}

async function images(t: TestContext): Promise<Images> {
  const { client: docker, host, gateway } = await engine();
  const { address } = await startRegistry(t, { host: gateway });
  const home = await temporaryFolder(t);
  const run = (stream: NodeJS.ReadableStream) =>
    new Promise<{ aux?: { Digest?: string } }[]>((resolve, reject) =>
      docker.modem.followProgress(stream, (error, lines) => (error ? reject(error) : resolve(lines))),
    );
  return {
    docker,
    address,
    async make(name, text) {
      await buildImage(
        docker,
        name,
        { 'text.txt': text },
        'FROM scratch\nCOPY text.txt /\nCMD ["/text.txt"]\n',
      );
      return (await docker.getImage(name).inspect()).Id;
    },
    async push(name) {
      const lines = await run(await docker.getImage(name).push({ authconfig: { serveraddress: address } }));
      return lines.find(({ aux }) => aux?.Digest)?.aux?.Digest ?? assert.fail('it has no digest');
    },
    async remove(...names) {
      for (const name of names) await docker.getImage(name).remove({ force: true });
    },
    isHere: name =>
      docker
        .getImage(name)
        .inspect()
        .then(
          () => true,
          () => false,
        ),
    resolve: (name, { verify = false, allow } = {}) => {
      const env = { SLUICE_HOME: home, DOCKER_HOST: host, SLUICE_ALLOWED_IMAGES: allow?.join(',') };
      return resolveImage(docker, name, loadConfig(env), { verify });
    },
  };
}

const refused = (code: string, message = /./) => ({ code, message });

test('an image that is not here is pulled, one tag of it, and known by its id and its digest', {
  skip,
}, async t => {
  const { address, make, push, remove, isHere, resolve } = await images(t);
  const name = `${address}/team/app`;
  const id = await make(`${name}:latest`, 'latest');
  await make(`${name}:other`, 'other');
  const digest = await push(`${name}:latest`);
  await push(`${name}:other`);
  await remove(`${name}:latest`, `${name}:other`);
  const { image, imageId, digest: known } = await resolve(name);
  assert.deepEqual([image, imageId, known], [name, id, `${name}@${digest}`]);
  assert.ok(!(await isHere(`${name}:other`)));
  assert.equal((await resolve(id)).imageId, id);
  await assert.rejects(
    resolve(`${name}:none`),
    refused('IMAGE_NOT_FOUND', /app:none here, and it cannot be pulled: /),
  );
  await assert.rejects(resolve(`sha256:${'0'.repeat(64)}`), refused('IMAGE_NOT_FOUND', /none of that id/));
  await remove(name);
});

test('with verification an image is what its registry says, not what its name means here', {
  skip,
}, async t => {
  const { address, make, push, remove, resolve } = await images(t);
  const name = `${address}/app:1`;
  const vouched = await make(name, 'vouched for');
  const digest = await push(name);
  const other = await make(name, 'somebody has moved the tag');
  assert.equal((await resolve(name)).imageId, other);
  const expected = [vouched, `${address}/app@${digest}`];
  const verified = await resolve(name, { verify: true });
  assert.deepEqual([verified.imageId, verified.digest], expected);
  // Also where it must be pulled first, and where only its tag is allowed.
  await remove(name, `${address}/app@${digest}`);
  const again = await resolve(name, { verify: true, allow: [`${address}/*:1`] });
  assert.deepEqual([again.imageId, again.digest], expected);
  assert.equal((await resolve(`${address}/app@${digest}`, { verify: true })).imageId, vouched);
  await remove(`${address}/app@${digest}`);
});

test('an image that no registry knows, or that is given by its id, is not verified', { skip }, async t => {
  const { address, make, remove, resolve } = await images(t);
  const name = `${address}/mine:1`;
  const id = await make(name, 'mine');
  await assert.rejects(
    resolve(name, { verify: true }),
    refused('IMAGE_UNVERIFIED', /no registry vouches for/),
  );
  await assert.rejects(resolve(id, { verify: true }), refused('IMAGE_UNVERIFIED', /launch it by its name/));
  await remove(name);
});

test('what is not allowed is refused before anything is pulled', { skip }, async t => {
  const { address, make, push, remove, isHere, resolve } = await images(t);
  const name = `${address}/team/app:1`;
  const id = await make(name, 'allowed by content');
  const digest = await push(name);
  await remove(name);
  const forbidden = refused('IMAGE_FORBIDDEN', /does not allow the image/);
  for (const allow of [
    [],
    ['team/*'],
    [`${address}/team/app:2*`],
    [digest],
    [`${address}/team/app@${digest}`],
  ])
    await assert.rejects(resolve(name, { allow }), forbidden, String(allow));
  assert.ok(!(await isHere(name)));
  assert.equal((await resolve(name, { allow: [`${address}/team/*:1`] })).imageId, id);
  // What is here counts by what it is.
  for (const allow of [[digest], [id], [`${address}/*/app@${digest}`]])
    assert.equal((await resolve(name, { allow })).imageId, id, String(allow));
  await make(name, 'another one');
  await assert.rejects(resolve(name, { allow: [digest] }), forbidden);
  await remove(name, `${address}/team/app@${digest}`);
});
