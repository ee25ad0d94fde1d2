import assert from 'node:assert/strict';
import { describe, it, test } from 'node:test';
import fc from 'fast-check';
import { crc32c, murmur2 } from '../../../src/connectors/kafka/checksum.ts';
import { type Compression, compressions } from '../../../src/connectors/kafka/codecs.ts';
import { toBatch } from '../../../src/connectors/kafka/elements.ts';
import {
  headOf,
  type Message,
  RecordSetBuilder,
  sizeOf,
} from '../../../src/connectors/kafka/record-batch.ts';
import { decodeRecords } from '../../../src/connectors/kafka/records.ts';
import { textsOf } from '../../helpers/pipeline.ts';

interface SetOptions {
  baseOffset?: number;
  compression?: Compression;
  producerId?: bigint;
  isTransactional?: boolean;
}

/** A record batch as a broker would give it back. */
async function batchBytes(messages: readonly Message[], options: SetOptions = {}): Promise<Buffer> {
  const { baseOffset = 0, compression = 'none', producerId = 1n, isTransactional = false } = options;
  const builder = new RecordSetBuilder(0);
  for (const message of messages) builder.add(message, sizeOf(message));
  const set = await builder.finish(compression);
  const head = headOf(set, { producerId, epoch: 0, sequence: 0, isTransactional });
  head.writeBigInt64BE(BigInt(baseOffset), 0);
  return Buffer.concat([head, set.body]);
}

const messageOf = (value: string, more: Partial<Message> = {}): Message => ({
  key: null,
  value: Buffer.from(value),
  headers: [],
  time: 1_700_000_000_000,
  ...more,
});

/** A marker that ends a transaction: 0 gives it up, 1 commits it. */
async function marker(kind: 0 | 1, baseOffset: number, producerId: bigint): Promise<Buffer> {
  const bytes = await batchBytes([messageOf('', { key: Buffer.from([0, 0, 0, kind]) })], {
    baseOffset,
    producerId,
    isTransactional: true,
  });
  bytes.writeInt16BE(bytes.readInt16BE(21) | 0x20, 21);
  return bytes;
}

const valuesOf = async (
  bytes: Buffer,
  from = 0,
  aborted: { producerId: bigint; firstOffset: number }[] = [],
) => {
  const records = await decodeRecords(bytes, from, aborted);
  return { values: textsOf(toBatch(records, 0, records.count, 't-0')), next: records.next };
};

describe('records of a partition', () => {
  const bytesOrNull = fc.option(fc.uint8Array({ maxLength: 300 }).map(each => Buffer.from(each)));
  const anyMessage: fc.Arbitrary<Message> = fc.record({
    key: bytesOrNull,
    value: bytesOrNull,
    headers: fc.array(fc.tuple(fc.string({ unit: 'grapheme', maxLength: 20 }), bytesOrNull), {
      maxLength: 4,
    }),
    time: fc.integer({ min: 0, max: 4_000_000_000_000 }),
  });

  for (const compression of compressions)
    it(`come back as they were built, with compression ${compression}`, async () => {
      await fc.assert(
        fc.asyncProperty(
          fc.array(anyMessage, { minLength: 1, maxLength: 30 }),
          fc.integer({ min: 0, max: 2 ** 50 }),
          async (messages, baseOffset) => {
            const bytes = await batchBytes(messages, { baseOffset, compression });
            const records = await decodeRecords(bytes, baseOffset, []);
            const { metadata = [] } = toBatch(records, 0, records.count, 't-0');
            assert.equal(records.next, baseOffset + messages.length);
            const back = metadata.map(({ raw, messageId }, i) => ({
              key: raw?.key,
              value: raw?.isNull ? null : records.bytes.subarray(records.starts[i], records.ends[i]),
              headers: raw?.headers,
              time: records.times[i],
              messageId,
            }));
            assert.deepEqual(
              back,
              messages.map((each, i) => ({ ...each, messageId: `t-0@${baseOffset + i}` })),
            );
          },
        ),
        { numRuns: 40 },
      );
    });

  it('begin where they are asked for, and one that was cut off is for the next time', async () => {
    const first = await batchBytes(['a', 'b', 'c'].map(each => messageOf(each)));
    const second = await batchBytes(
      ['d', 'e'].map(each => messageOf(each)),
      { baseOffset: 3, compression: 'gzip' },
    );
    const whole = Buffer.concat([first, second]);
    assert.deepEqual(await valuesOf(whole, 1), { values: ['b', 'c', 'd', 'e'], next: 5 });
    assert.deepEqual(await valuesOf(whole.subarray(0, -1)), { values: ['a', 'b', 'c'], next: 3 });
    assert.deepEqual(await valuesOf(first, 3), { values: [], next: 3 });
  });

  it('of transactions that were given up are left out, and so are the markers', async () => {
    const inside = { isTransactional: true };
    const bytes = Buffer.concat([
      await batchBytes([messageOf('given up')], { ...inside, baseOffset: 0, producerId: 7n }),
      await batchBytes([messageOf('kept')], { ...inside, baseOffset: 1, producerId: 8n }),
      await batchBytes([messageOf('plain')], { baseOffset: 2, producerId: 7n }),
      await marker(0, 3, 7n),
      await batchBytes([messageOf('again')], { ...inside, baseOffset: 4, producerId: 7n }),
      await marker(1, 5, 7n),
      await marker(1, 6, 8n),
    ]);
    const aborted = [{ producerId: 7n, firstOffset: 0 }];
    assert.deepEqual(await valuesOf(bytes, 0, aborted), { values: ['kept', 'plain', 'again'], next: 7 });
  });

  it('that compaction has emptied are gone past', async () => {
    const bytes = await batchBytes([messageOf('a')], { baseOffset: 10 });
    bytes.writeInt32BE(bytes.length - 12 - (bytes.length - 61), 8);
    bytes.writeInt32BE(9, 23);
    bytes.writeInt32BE(0, 57);
    assert.deepEqual(await valuesOf(bytes.subarray(0, 61), 12), { values: [], next: 20 });
  });

  it('that are none are refused, whatever they are', async () => {
    const good = await batchBytes(Array.from({ length: 20 }, (_, i) => messageOf(`value ${i}`)));
    const place = fc.nat({ max: good.length - 1 });
    await fc.assert(
      fc.asyncProperty(
        fc.array(fc.tuple(place, fc.nat({ max: 255 })), { minLength: 1, maxLength: 8 }),
        async changes => {
          const bytes = Buffer.from(good);
          for (const [at, byte] of changes) bytes[at] = byte;
          try {
            const { count, starts, ends } = await decodeRecords(bytes, 0, []);
            for (let i = 0; i < count; i++)
              assert.ok(Number(starts[i]) <= Number(ends[i]) && Number(ends[i]) <= bytes.length);
          } catch (error) {
            assert.ok(error instanceof Error);
          }
        },
      ),
      { numRuns: 500 },
    );
    const many = Buffer.from(good);
    many.writeInt32BE(2 ** 30, 57);
    await assert.rejects(decodeRecords(many, 0, []), /claims more records than it has/);
    const old = Buffer.from(good);
    old[16] = 1;
    await assert.rejects(decodeRecords(old, 0, []), /before Kafka 0\.11/);
  });
});

test('the checksum is CRC-32C, in one piece or in several', () => {
  assert.equal(crc32c(Buffer.from('123456789')), 0xe3069283);
  assert.equal(crc32c(Buffer.alloc(32, 0xff)), 0x62a8ab43);
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 100 }), fc.nat({ max: 100 }), (bytes, at) => {
      const whole = Buffer.from(bytes);
      assert.equal(crc32c(whole.subarray(at), crc32c(whole.subarray(0, at))), crc32c(whole));
    }),
  );
});

test("the hash of a key is that of Kafka's own client", () => {
  // From the tests of Apache Kafka (UtilsTest), without their sign.
  const known: [string, number][] = [
    ['21', -973932308],
    ['foobar', -790332482],
    ['a-little-bit-long-string', -985981536],
    ['a-little-bit-longer-string', -1486304829],
    ['lkjh234lh9fiuh90y23oiuhsafujhadof229phr9h19h89h8', -58897971],
    ['abc', 479470107],
  ];
  for (const [text, hash] of known) assert.equal(murmur2(Buffer.from(text)), hash & 0x7fffffff, text);
});
