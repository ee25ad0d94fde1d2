/** Files in the buckets of a server keep the contracts of sources and sinks. */
import { randomUUID } from 'node:crypto';
import { readFromText, writeToJson } from '../../../src/connectors/files/index.ts';
import type { SinkSuite } from '../../conformance/sink.ts';
import type { SourceSuite } from '../../conformance/source.ts';
import { type BucketServer, startGcsBuckets, startS3Buckets } from '../../helpers/buckets.ts';
import { startProxy, type TcpProxy } from '../../helpers/proxy.ts';
import { missing } from '../../services/index.ts';
import { type Lifetime, shared } from '../../services/service.ts';

interface Suites {
  source: SourceSuite;
  sink: SinkSuite;
}

export const gcs: Suites = suitesOf(
  'gs',
  missing('gcs'),
  shared(async (t: Lifetime) => {
    // The server tells clients where to go on with an upload.
    const proxy = await startProxy(t);
    const server = await startGcsBuckets(t, proxy.port);
    proxy.to(server.service);
    return { server, proxy };
  }),
);

export const s3: Suites = suitesOf(
  's3',
  missing('s3'),
  shared(async (t: Lifetime) => {
    const server = await startS3Buckets(t);
    return { server, proxy: await startProxy(t, server.service) };
  }),
);

function suitesOf(
  scheme: 'gs' | 's3',
  skip: string | false,
  reached: () => Promise<{ server: BucketServer; proxy: TcpProxy }>,
): Suites {
  const network = async () => (await reached()).proxy;
  const refusals = {
    [`${scheme}: a bucket that is not there`]: {
      config: () => ({ path: `${scheme}://no-such-bucket/*` }),
      code: 'INPUT_NOT_FOUND',
      message: new RegExp(`${scheme}://no-such-bucket`),
    },
    [`${scheme}: what is no bucket`]: {
      config: () => ({ path: `${scheme}://!/*` }),
      code: 'INPUT_NOT_FOUND',
      message: /is not a bucket name/,
    },
    [`${scheme}: a server that is not there`]: {
      config: () => ({}),
      env: { STORAGE_EMULATOR_HOST: '127.0.0.1:1', AWS_ENDPOINT_URL_S3: 'http://127.0.0.1:1' },
      code: 'SERVICE_UNREACHABLE',
      message: new RegExp(`the store of ${scheme}://.* does not answer`),
    },
  } as const;

  const source: SourceSuite = {
    component: readFromText,
    skip,
    network,
    bounded: true,
    async make(_t, proxy: TcpProxy) {
      const { server } = await reached();
      const bucket = await server.bucket();
      return {
        config: { path: `${bucket.url}/in/*` },
        env: server.env(proxy.address),
        async fill(texts) {
          const middle = texts.length >> 1;
          for (const part of [texts.slice(0, middle), texts.slice(middle)])
            await bucket.put(`in/${randomUUID()}`, part.map(text => `${text}\n`).join(''));
        },
      };
    },
    refusals,
  };

  const sink: SinkSuite = {
    component: writeToJson,
    skip,
    network,
    closes: true,
    async make(_t, proxy: TcpProxy) {
      const { server } = await reached();
      const bucket = await server.bucket();
      return {
        config: { path: `${bucket.url}/out/part` },
        env: server.env(proxy.address),
        async read() {
          const ids: number[] = [];
          for (const each of await bucket.names('out/part'))
            for (const line of (await bucket.get(each)).toString().split('\n'))
              if (line !== '') ids.push(JSON.parse(line).id);
          return ids;
        },
      };
    },
    refusals,
  };
  return { source, sink };
}
