import assert from 'node:assert/strict';
import { test } from 'node:test';
import { PartitionTimes } from '../../../src/connectors/kafka/watermark.ts';

const SLACK_MS = 10_000;
const NOW = 1_800_000_000_000;
const [a, b] = [{}, {}];
const at = (...times: number[]) => Float64Array.from(times);

test('the time of all is that of the partition that is furthest behind', () => {
  const times = new PartitionTimes();
  times.read(a, at(NOW - 50_000, NOW - 60_000), NOW);
  times.read(b, at(NOW - 90_000), NOW);
  const partitions = [a, b].map(partition => ({ partition, caughtUp: false }));
  assert.equal(times.at(partitions, NOW), NOW - 90_000 - SLACK_MS);
  times.read(b, at(NOW - 10_000), NOW);
  assert.equal(times.at(partitions, NOW), NOW - 60_000 - SLACK_MS);
});

test('a partition of which nothing is known holds the time back, until it has been at its end for a while', () => {
  const times = new PartitionTimes();
  times.read(a, at(NOW), NOW);
  const partitions = [
    { partition: a, caughtUp: true },
    { partition: b, caughtUp: true },
  ];
  assert.equal(times.at(partitions, NOW), Number.NEGATIVE_INFINITY);
  assert.equal(times.at(partitions, NOW + 1999), Number.NEGATIVE_INFINITY);
  assert.equal(times.at(partitions, NOW + 2000), NOW + 2000 - SLACK_MS);
});

test('time never goes back, nor ahead of the clock, nor by records without a time', () => {
  const times = new PartitionTimes();
  const partitions = [{ partition: a, caughtUp: false }];
  times.read(a, at(NOW + 1_000_000), NOW);
  assert.equal(times.at(partitions, NOW), NOW - SLACK_MS);
  times.read(a, at(5), NOW);
  times.read(a, at(-1), NOW);
  assert.equal(times.at(partitions, NOW), NOW - SLACK_MS);
});

test('a worker without partitions holds nothing back', () => {
  assert.equal(new PartitionTimes().at([], NOW), NOW - SLACK_MS);
});
