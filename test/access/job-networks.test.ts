import assert from 'node:assert/strict';
import { test } from 'node:test';
import { isOfJob, noteJobNetwork, requireNoJob } from '../../src/access/job-networks.ts';

test('addresses of the networks of jobs are known as long as there are those networks', () => {
  noteJobNetwork('one', ['172.30.0.0/24']);
  noteJobNetwork('two', ['172.31.0.0/16', 'fd00:1::/64', 'nonsense']);
  for (const address of ['172.30.0.2', '::ffff:172.30.0.2', '172.31.255.1', 'fd00:1::7'])
    assert.ok(isOfJob(address), address);
  for (const address of ['172.30.1.2', '127.0.0.1', '::1', 'fd00:2::7', '', undefined, 'unknown'])
    assert.ok(!isOfJob(address), String(address));
  assert.throws(() => requireNoJob('172.30.0.2:4711'), { code: 'PERMISSION_DENIED' });
  assert.throws(() => requireNoJob('fd00:1::7:4711'), { code: 'PERMISSION_DENIED' });
  requireNoJob('10.0.0.1:4711');
  noteJobNetwork('one', []);
  assert.ok(!isOfJob('172.30.0.2'));
  assert.ok(isOfJob('172.31.0.2'));
  noteJobNetwork('two', []);
  assert.ok(!isOfJob('172.31.0.2'));
});
