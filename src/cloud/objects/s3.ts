/** S3, Amazon's own or one that speaks like it. Who we are is what the environment and the files of AWS say. */
import { Readable } from 'node:stream';
import type { HeadObjectCommandOutput, S3Client } from '@aws-sdk/client-s3';
import type { Config } from '../../config.ts';
import { statusOf } from './retry.ts';
import type { ObjectStore, StoredObject } from './store.ts';

const MARK = 'sluice-mark';
const MAX_PARTS = 10_000;
const MIN_PART_BYTES = 8 << 20;
/** A part of what we do not know the length of: up to 160 GB. */
const PART_BYTES = 16 << 20;

const TIMEOUTS = { connectionTimeout: 10_000, socketTimeout: 60_000 };

export async function openS3({ s3Endpoint, s3Region }: Config): Promise<ObjectStore> {
  const { DeleteObjectCommand, GetObjectCommand, HeadObjectCommand, ListObjectsV2Command, S3Client } =
    await import('@aws-sdk/client-s3');
  const region = s3Region ?? (s3Endpoint === undefined ? undefined : 'us-east-1');
  const client = new S3Client({
    ...(region !== undefined && { region }),
    // Buckets are no names of hosts elsewhere, and checksums that nobody asked for are not understood by all.
    ...(s3Endpoint !== undefined && {
      endpoint: s3Endpoint,
      forcePathStyle: true,
      requestChecksumCalculation: 'WHEN_REQUIRED',
      responseChecksumValidation: 'WHEN_REQUIRED',
    }),
    maxAttempts: 3,
    requestHandler: TIMEOUTS,
  });
  const head = async (bucket: string, name: string): Promise<HeadObjectCommandOutput | undefined> => {
    try {
      return await client.send(new HeadObjectCommand({ Bucket: bucket, Key: name }));
    } catch (error) {
      if (statusOf(error) === 404) return undefined;
      throw error;
    }
  };

  return {
    async *list(bucket, prefix) {
      let token: string | undefined;
      do {
        const page = await client.send(
          new ListObjectsV2Command({
            Bucket: bucket,
            Prefix: prefix,
            // Names may hold what XML cannot.
            EncodingType: 'url',
            ...(token !== undefined && { ContinuationToken: token }),
          }),
        );
        yield (page.Contents ?? []).map(({ Key = '', ...rest }) => objectOf(decoded(Key), rest));
        token = page.IsTruncated ? page.NextContinuationToken : undefined;
      } while (token !== undefined);
    },
    async check(bucket) {
      await client.send(new ListObjectsV2Command({ Bucket: bucket, MaxKeys: 1 }));
    },
    async stat(bucket, name) {
      const found = await head(bucket, name);
      return found && objectOf(name, { ...found, Size: found.ContentLength });
    },
    markOf: async (bucket, name) => (await head(bucket, name))?.Metadata?.[MARK],
    async read(bucket, name, version, start, end) {
      const range = { Range: `bytes=${start}-${end - 1}`, IfMatch: version };
      const { Body } = await client.send(new GetObjectCommand({ Bucket: bucket, Key: name, ...range }));
      if (Body instanceof Readable) return Body;
      throw new Error(`S3 gave no stream of ${name}`);
    },
    put: (bucket, name, body, options) => put(client, bucket, name, body, options),
    async delete(bucket, name) {
      await client.send(new DeleteObjectCommand({ Bucket: bucket, Key: name }));
    },
  };
}

async function put(
  client: S3Client,
  bucket: string,
  name: string,
  body: Readable,
  { mark, over, size }: Parameters<ObjectStore['put']>[3],
): Promise<void> {
  const { Upload } = await import('@aws-sdk/lib-storage');
  const partSize = size === undefined ? PART_BYTES : Math.max(MIN_PART_BYTES, Math.ceil(size / MAX_PARTS));
  const upload = new Upload({
    client,
    params: {
      Bucket: bucket,
      Key: name,
      Body: body,
      ContentType: 'application/octet-stream',
      ...(mark !== undefined && { Metadata: { [MARK]: mark } }),
      ...(over === null && { IfNoneMatch: '*' }),
      ...(typeof over === 'string' && { IfMatch: over }),
    },
    partSize,
    queueSize: 2,
  });
  try {
    await upload.done();
  } finally {
    body.destroy();
  }
}

const objectOf = (
  name: string,
  { Size = 0, ETag = '', LastModified }: { Size?: number; ETag?: string; LastModified?: Date },
): StoredObject => ({ name, size: Size, version: ETag, modifiedMs: LastModified?.getTime() ?? 0 });

const decoded = (key: string): string => decodeURIComponent(key.replaceAll('+', ' '));
