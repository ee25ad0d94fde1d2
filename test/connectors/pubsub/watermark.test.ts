import assert from 'node:assert/strict';
import { test } from 'node:test';
import { WatermarkGuess } from '../../../src/connectors/pubsub/watermark.ts';

const times = (...each: number[]) => Float64Array.from(each);

test('knows nothing before the first message', () => {
  assert.equal(new WatermarkGuess(1000, 1_000_000).at(true, 1_000_000), Number.NEGATIVE_INFINITY);
});

test('follows the oldest message of the last batch, a second behind', () => {
  const guess = new WatermarkGuess(1000, 1_000_000);
  guess.read(times(500_500, 500_000, 501_000), 1_000_000);
  assert.equal(guess.at(false, 1_000_000), 499_000);
});

test('never goes back', () => {
  const guess = new WatermarkGuess(1000, 1_000_000);
  guess.read(times(500_000), 1_000_000);
  guess.read(times(400_000), 1_000_000);
  assert.equal(guess.at(false, 1_000_000), 499_000);
});

test('follows the clock once nothing came for two seconds', () => {
  const guess = new WatermarkGuess(1000, 1_000_000);
  guess.read(times(500_000), 1_000_000);
  assert.equal(guess.at(true, 1_001_900), 499_000);
  assert.equal(guess.at(true, 1_002_000), 1_001_000);
});

test('stands still while messages wait', () => {
  const guess = new WatermarkGuess(1000, 1_000_000);
  guess.read(times(500_000), 1_000_000);
  assert.equal(guess.at(false, 1_100_000), 499_000);
});

test('does not pass the clock when messages come from the future', () => {
  const guess = new WatermarkGuess(1000, 1_000_000);
  guess.read(times(9_000_000), 1_000_000);
  assert.equal(guess.at(false, 1_000_000), 999_000);
});

test('starts to be idle only once messages cannot be held for another any more', () => {
  const guess = new WatermarkGuess(1000, 1_060_000);
  guess.read(times(500_000), 1_000_000);
  assert.equal(guess.at(true, 1_061_000), 499_000);
  assert.equal(guess.at(true, 1_062_000), 1_061_000);
});

test('counts the idle time anew after it was not caught up', () => {
  const guess = new WatermarkGuess(1000, 1_000_000);
  guess.read(times(500_000), 1_000_000);
  guess.at(false, 1_005_000);
  assert.equal(guess.at(true, 1_006_000), 499_000);
  assert.equal(guess.at(true, 1_007_000), 1_006_000);
});
