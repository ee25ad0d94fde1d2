import type { TestContext } from 'node:test';
import { GetObjectCommand, PutObjectCommand, S3Client } from '@aws-sdk/client-s3';
import { startGcs } from '../services/gcs.ts';
import { startS3 } from '../services/s3.ts';
import type { Lifetime, Service } from '../services/service.ts';

/** A bucket of a real server, used past our own client. */
export interface Bucket {
  /** `gs://name` or `s3://name`. */
  url: string;
  put(name: string, body: string | Buffer): Promise<void>;
  get(name: string): Promise<Buffer>;
  /** The names of all objects that begin so. */
  names(prefix?: string): Promise<string[]>;
}

/** A server with buckets, and how connectors are told of it. */
export interface BucketServer {
  service: Service;
  env(address?: string): NodeJS.ProcessEnv;
  bucket(): Promise<Bucket>;
}

interface GcsPage {
  items?: { name: string }[];
  nextPageToken?: string;
}

const KEYS = { AWS_ACCESS_KEY_ID: 'anybody', AWS_SECRET_ACCESS_KEY: 'anything' };

let buckets = 0;
const newName = (): string => `bucket-${process.pid}-${buckets++}`;

export async function startGcsBuckets(t: Lifetime | TestContext, proxyPort?: number): Promise<BucketServer> {
  const server = await startGcs(t as Lifetime, proxyPort === undefined ? {} : { proxyPort });
  const api = `${server.url}/storage/v1/b`;
  return {
    service: server,
    env: (address = server.address) => ({ STORAGE_EMULATOR_HOST: address }),
    async bucket() {
      const name = newName();
      await ask(`${api}?project=test`, 'POST', JSON.stringify({ name }));
      return {
        url: `gs://${name}`,
        async put(object, body) {
          const query = `uploadType=media&name=${encodeURIComponent(object)}`;
          await ask(`${server.url}/upload/storage/v1/b/${name}/o?${query}`, 'POST', body);
        },
        get: async object => bytesOf(await ask(`${api}/${name}/o/${encodeURIComponent(object)}?alt=media`)),
        async names(prefix = '') {
          const found: string[] = [];
          let token = '';
          do {
            const query = `prefix=${encodeURIComponent(prefix)}&pageToken=${token}`;
            const page = (await (await ask(`${api}/${name}/o?${query}`)).json()) as GcsPage;
            found.push(...(page.items ?? []).map(item => item.name));
            token = page.nextPageToken ?? '';
          } while (token !== '');
          return found.sort();
        },
      };
    },
  };
}

export async function startS3Buckets(t: Lifetime | TestContext): Promise<BucketServer> {
  const server = await startS3(t as Lifetime);
  // Whoever asks in this process needs some, too.
  Object.assign(process.env, KEYS);
  const client = new S3Client({ endpoint: server.url, region: 'us-east-1', forcePathStyle: true });
  return {
    service: server,
    env: (address = server.address) => ({
      AWS_ENDPOINT_URL_S3: `http://${address}`,
      ...KEYS,
    }),
    async bucket() {
      const name = newName();
      const root = `${server.url}/${name}`;
      await ask(root, 'PUT');
      return {
        url: `s3://${name}`,
        async put(object, body) {
          await client.send(new PutObjectCommand({ Bucket: name, Key: object, Body: body }));
        },
        async get(object) {
          // What a client has put, nobody reads without a signature.
          const { Body } = await client.send(new GetObjectCommand({ Bucket: name, Key: object }));
          return Buffer.from((await Body?.transformToByteArray()) ?? []);
        },
        async names(prefix = '') {
          const found: string[] = [];
          for (let after = ''; ; after = found.at(-1) ?? '') {
            const query = `list-type=2&prefix=${encodeURIComponent(prefix)}&start-after=${encodeURIComponent(after)}`;
            const page = await (await ask(`${root}?${query}&encoding-type=url`)).text();
            const keys = [...page.matchAll(/<Key>([^<]*)<\/Key>/g)].map(([, key = '']) =>
              decodeURIComponent(key),
            );
            if (keys.length === 0) return found;
            found.push(...keys);
          }
        },
      };
    },
  };
}

const bytesOf = async (response: Response): Promise<Buffer> => Buffer.from(await response.arrayBuffer());

async function ask(url: string, method = 'GET', body?: string | Buffer): Promise<Response> {
  const response = await fetch(url, {
    method,
    ...(body !== undefined && { body: new Uint8Array(Buffer.from(body)) }),
  });
  if (!response.ok) throw new Error(`${method} ${url}: ${response.status} ${await response.text()}`);
  return response;
}
