import assert from 'node:assert/strict';
import { it } from 'node:test';
import { compileFilter } from '../../../src/cloud/pubsub/filter.ts';
import { hasCode } from '../../helpers/pubsub.ts';

const INVALID_ARGUMENT = 3;
const attributes = new Map([
  ['kind', 'order'],
  ['region', 'eu-west'],
  ['empty', ''],
  ['two words', 'a "quoted" one'],
]);

const vectors: [filter: string, matches: boolean][] = [
  ['attributes:kind', true],
  ['attributes:missing', false],
  ['attributes:empty', true],
  ['attributes.kind = "order"', true],
  ['attributes.kind="refund"', false],
  ['attributes.kind != "refund"', true],
  ['attributes.missing != "x"', true],
  ['hasPrefix(attributes.region, "eu-")', true],
  ['hasPrefix(attributes.region, "us-")', false],
  ['hasPrefix(attributes.missing, "")', false],
  ['NOT attributes:kind', false],
  ['-attributes:missing', true],
  ['attributes:kind AND attributes.region = "eu-west"', true],
  ['attributes:kind AND attributes:missing', false],
  ['attributes:missing OR attributes:kind', true],
  ['attributes:kind AND NOT (attributes.region = "us" OR attributes.region = "asia")', true],
  ['attributes."two words" = "a \\"quoted\\" one"', true],
];

for (const [filter, matches] of vectors) {
  it(`${filter} ${matches ? 'matches' : 'does not match'}`, () => {
    assert.equal(compileFilter(filter)(attributes), matches);
  });
}

const faults: [filter: string, message: RegExp][] = [
  ['kind = "order"', /expected 'attributes', found 'kind'/],
  ['attributes.kind', /expected '=', found the end/],
  ['attributes.kind = order', /a string in double quotes, found 'order'/],
  ['attributes:a AND attributes:b OR attributes:c', /parentheses between AND and OR/],
  ['(attributes:a', /expected '\)', found the end/],
  ['attributes:a attributes:b', /AND, OR or the end/],
  ['attributes.a = "open', /cannot be read at/],
  [`attributes.a = "${'x'.repeat(300)}"`, /at most 256 bytes/],
];

for (const [filter, message] of faults) {
  it(`refuses ${filter.slice(0, 60)}`, () => {
    assert.throws(
      () => compileFilter(filter),
      (error: Error) => hasCode(INVALID_ARGUMENT)(error) && message.test(error.message),
    );
  });
}
