import assert from 'node:assert/strict';
import { test } from 'node:test';
import {
  type Action,
  type ItemVerdict,
  isOverload,
  itemVerdict,
  type RequestVerdict,
  requestVerdict,
} from '../../../src/connectors/elasticsearch/retry.ts';
import { backoffMs } from '../../../src/connectors/http/backoff.ts';

const requests: [number, RequestVerdict][] = [
  [400, 'split'],
  [401, 'denied'],
  [403, 'denied'],
  [404, 'final'],
  [405, 'final'],
  [408, 'again'],
  [413, 'split'],
  [429, 'again'],
  [500, 'again'],
  [501, 'final'],
  [502, 'again'],
  [503, 'again'],
  [504, 'again'],
];
for (const [status, verdict] of requests)
  test(`a request answered ${status}: ${verdict}`, () => assert.equal(requestVerdict(status), verdict));

const items: [Action, number, string, ItemVerdict][] = [
  ['index', 200, '', 'written'],
  ['create', 201, '', 'written'],
  ['create', 409, 'version_conflict_engine_exception', 'there'],
  ['update', 409, 'version_conflict_engine_exception', 'again'],
  ['delete', 404, '', 'written'],
  ['delete', 404, 'index_not_found_exception', 'refused'],
  ['update', 404, 'document_missing_exception', 'refused'],
  ['index', 400, 'mapper_parsing_exception', 'refused'],
  ['index', 400, 'document_parsing_exception', 'refused'],
  ['index', 403, 'security_exception', 'denied'],
  ['index', 403, 'cluster_block_exception', 'again'],
  ['index', 429, 'rejected_execution_exception', 'again'],
  ['create', 429, 'es_rejected_execution_exception', 'again'],
  ['index', 500, 'exception', 'doubtful'],
  ['index', 503, 'unavailable_shards_exception', 'again'],
];
for (const [action, status, type, verdict] of items)
  test(`a document to ${action} answered ${status} ${type}: ${verdict}`, () =>
    assert.equal(itemVerdict(action, status, type), verdict));

test('two documents that bring a field of other types at the same moment may both fit the next time', () => {
  const reason = 'mapper [price] cannot be changed from type [float] to [long]';
  assert.equal(itemVerdict('index', 400, 'illegal_argument_exception', reason), 'doubtful');
});

test('too much at a time makes the next requests smaller', () => {
  assert.deepEqual([200, 400, 413, 429, 500, 503].filter(isOverload), [413, 429, 503]);
});

test('waits double, are spread, and never longer than fifteen seconds', () => {
  for (let attempt = 0; attempt < 100; attempt++) {
    const least = Math.min(10_000, 100 * 2 ** attempt) * 0.75;
    const wait = backoffMs(attempt);
    assert.ok(wait >= least && wait <= least * 1.7, `${wait} after ${attempt}`);
    assert.ok(wait <= 15_000);
  }
});
