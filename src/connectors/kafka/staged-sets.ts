/** Record sets in a staged file, until a checkpoint publishes them. */
import { type FileHandle, open } from 'node:fs/promises';
import type { RecordSet } from './record-batch.ts';

/** Length of the body, partition, count, codec, least and greatest time. */
const HEAD_BYTES = 29;
/** What goes into one request. */
const REQUEST_BYTES = 2 << 20;

export function stagedForm({ partition, count, codec, baseTime, maxTime, body }: RecordSet): Buffer {
  const head = Buffer.alloc(HEAD_BYTES);
  head.writeUInt32BE(body.length, 0);
  head.writeInt32BE(partition, 4);
  head.writeInt32BE(count, 8);
  head.writeInt8(codec, 12);
  head.writeDoubleBE(baseTime, 13);
  head.writeDoubleBE(maxTime, 21);
  return Buffer.concat([head, body]);
}

/** The sets of the first `length` bytes, in groups that fit a request: in each at most one for a partition. */
export async function* readStaged(path: string, length: number): AsyncGenerator<RecordSet[]> {
  const file = await open(path);
  try {
    let group: RecordSet[] = [];
    let bytes = 0;
    for (let at = 0; at < length; ) {
      const set = await readSet(file, at);
      const isFull = bytes + set.body.length > REQUEST_BYTES;
      if (isFull || group.some(({ partition }) => partition === set.partition)) {
        yield group;
        group = [];
        bytes = 0;
      }
      group.push(set);
      bytes += set.body.length;
      at += HEAD_BYTES + set.body.length;
    }
    if (group.length > 0) yield group;
  } finally {
    await file.close();
  }
}

async function readSet(file: FileHandle, at: number): Promise<RecordSet> {
  const head = await readWhole(file, at, HEAD_BYTES);
  return {
    partition: head.readInt32BE(4),
    count: head.readInt32BE(8),
    codec: head.readInt8(12),
    baseTime: head.readDoubleBE(13),
    maxTime: head.readDoubleBE(21),
    body: await readWhole(file, at + HEAD_BYTES, head.readUInt32BE(0)),
  };
}

async function readWhole(file: FileHandle, from: number, length: number): Promise<Buffer> {
  const bytes = Buffer.allocUnsafeSlow(length);
  for (let at = 0; at < length; ) {
    const { bytesRead } = await file.read(bytes, at, length - at, from + at);
    if (bytesRead === 0) throw new Error('a staged file is shorter than it should be');
    at += bytesRead;
  }
  return bytes;
}
