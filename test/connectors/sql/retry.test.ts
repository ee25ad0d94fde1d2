import assert from 'node:assert/strict';
import { test } from 'node:test';
import { FIRST_ATTEMPTS, RETRY_DELAYS_MS, retrying, verdictOf } from '../../../src/connectors/sql/retry.ts';

const postgres = (code: string) => Object.assign(new Error('x'), { code });
const mysql = (errno: number) => Object.assign(new Error('x'), { code: 'ER_X', errno, sqlState: 'HY000' });

test('each answer of a database is final, tried again, denied, or the fault of a row', () => {
  const table: [Error, string][] = [
    [postgres('08006'), 'retry'],
    [postgres('40001'), 'retry'],
    [postgres('40P01'), 'retry'],
    [postgres('53300'), 'retry'],
    [postgres('57P01'), 'retry'],
    [postgres('57P03'), 'retry'],
    [postgres('57P04'), 'final'],
    [postgres('58030'), 'retry'],
    [postgres('22P02'), 'element'],
    [postgres('23505'), 'element'],
    [postgres('21000'), 'element'],
    [postgres('P0001'), 'element'],
    [postgres('54000'), 'element'],
    [postgres('28P01'), 'denied'],
    [postgres('42501'), 'denied'],
    [postgres('42601'), 'final'],
    [postgres('42P01'), 'final'],
    [postgres('3D000'), 'final'],
    [postgres('25006'), 'final'],
    [mysql(1205), 'retry'],
    [mysql(1213), 'retry'],
    [mysql(1053), 'retry'],
    [mysql(1062), 'element'],
    [mysql(1366), 'element'],
    [mysql(4025), 'element'],
    [mysql(1045), 'denied'],
    [mysql(1142), 'denied'],
    [mysql(1064), 'final'],
    [mysql(1146), 'final'],
    [Object.assign(new Error('x'), { code: 'ECONNREFUSED', errno: -111, syscall: 'connect' }), 'retry'],
    [Object.assign(new Error('x'), { code: 'ECONNRESET' }), 'retry'],
    [Object.assign(new Error('x'), { code: 'PROTOCOL_CONNECTION_LOST' }), 'retry'],
    [Object.assign(new Error('x'), { code: 'DEPTH_ZERO_SELF_SIGNED_CERT' }), 'denied'],
    [Object.assign(new Error('x'), { code: 'ERR_TLS_CERT_ALTNAME_INVALID' }), 'denied'],
    [Object.assign(new Error('x'), { code: 'ENOSPC', errno: -28 }), 'final'],
    [new Error('Connection terminated unexpectedly'), 'retry'],
    [new Error('Connection terminated due to connection timeout'), 'retry'],
    [new Error('Client has encountered a connection error and is not queryable'), 'retry'],
    [new Error("Can't add new command when connection is in closed state"), 'retry'],
    [new Error('something else'), 'final'],
  ];
  for (const [error, verdict] of table)
    assert.equal(verdictOf(error), verdict, `${JSON.stringify(error)} ${error.message}`);
});

test('a server that is gone for half a minute is waited for, at the start of a job only a moment', () => {
  const sum = (delays: readonly number[]) => delays.reduce((total, each) => total + each, 0);
  assert.ok(0.75 * sum(RETRY_DELAYS_MS) > 45_000);
  assert.ok(1.25 * sum(RETRY_DELAYS_MS.slice(0, FIRST_ATTEMPTS)) < 2000);
});

test('what is final is not tried again, and attempts have an end', async () => {
  let calls = 0;
  const failing = (error: Error) => () => {
    calls++;
    return Promise.reject(error);
  };
  await assert.rejects(retrying(failing(postgres('42601'))));
  assert.equal(calls, 1);
  calls = 0;
  await assert.rejects(retrying(failing(postgres('57P03')), 2));
  assert.equal(calls, 3);
});
