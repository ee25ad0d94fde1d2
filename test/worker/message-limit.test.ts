import assert from 'node:assert/strict';
import { test } from 'node:test';
import { limitMessages, type Message } from '../../src/worker/message-limit.ts';

const message = (text: string, severity: Message['severity'] = 'INFO'): Message => ({
  type: 'message',
  severity,
  text,
  time: 'now',
});

test('of a flood a part is told, and then how many were left out', () => {
  let now = 0;
  const limit = limitMessages(() => now);
  const told: string[] = [];
  for (let i = 0; i < 100_000; i++) {
    now = i / 100;
    told.push(...limit.take(message(`${i}`)).map(({ text }) => text));
  }
  assert.ok(told.length >= 200 && told.length <= 202, `${told.length}`);
  told.push(...limit.flush().map(({ text }) => text));
  const counted = told.filter(text => text.includes('left out')).map(text => Number.parseInt(text, 10));
  const sum = counted.reduce((total, each) => total + each, 0);
  assert.equal(told.length - counted.length + sum, 100_000);
  assert.deepEqual(limit.flush(), []);
});

test('chatter hides no error', () => {
  const limit = limitMessages(() => 0);
  for (let i = 0; i < 1000; i++) limit.take(message('chatter'));
  assert.deepEqual(limit.take(message('fire', 'ERROR')), [message('fire', 'ERROR')]);
});
