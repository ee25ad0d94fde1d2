/** Files in the buckets of a server keep the contracts of sources and sinks. */
import { randomUUID } from 'node:crypto';
import { readFromText, writeToJson } from '../../../src/connectors/files/index.ts';
import { describeSink } from '../../conformance/sink.ts';
import { describeSource } from '../../conformance/source.ts';
import type { BucketServer } from '../../helpers/buckets.ts';
import type { TcpProxy } from '../../helpers/proxy.ts';

export interface Reached {
  server: BucketServer;
  proxy: TcpProxy;
}

export function describeBuckets(
  scheme: 'gs' | 's3',
  skip: string | false,
  reached: () => Promise<Reached>,
): void {
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

  describeSource({
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
  });

  describeSink({
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
  });
}
