import assert from 'node:assert/strict';
import { test } from 'node:test';
import { compileExpression, ExpressionFault } from '../../src/catalog/expression.ts';

const names = new Set(['text', 'count', 'flag', 'empty', 'absent', 'default', 'options']);
const scope = {
  parameters: { text: 'a&b', count: 5, flag: true, empty: '', default: 'own', options: { a: [1] } },
  job: { id: 'j1', directory: '/jobs/j1' },
};

const values: [expression: string, value: unknown][] = [
  ['{{text}}', 'a&b'],
  ['{{{text}}}', 'a&b'],
  ['{{ count }}', 5],
  ['{{flag}}', true],
  ['{{empty}}', ''],
  ['{{absent}}', undefined],
  ['{{options}}', { a: [1] }],
  ['{{default}}', 'own'],
  ['{{[text]}}', 'a&b'],
  ['{{text}}-{{count}}', 'a&b-5'],
  [' {{count}}', ' 5'],
  ['{{text}}{{absent}}', undefined],
  ['x {{options}}', 'x {"a":[1]}'],
  ['{{job.directory}}/dead-letters/{{job.id}}', '/jobs/j1/dead-letters/j1'],
  ['{{eq text "a&b"}}', true],
  ['{{eq count "5"}}', false],
  ['{{ne count 5}}', false],
  ['{{not empty}}', true],
  ['{{not absent}}', true],
  ['{{and flag count}}', true],
  ['{{and flag empty}}', false],
  ['{{or empty absent}}', false],
  ['{{or (eq count 5) absent}}', true],
  ['{{if flag "yes"}}', 'yes'],
  ['{{if empty "yes"}}', undefined],
  ['{{if absent "yes" "no"}}', 'no'],
  ['{{default absent "x"}}', 'x'],
  ['{{default empty "x"}}', ''],
  ['{{default absent (concat absent "errors/") (concat text "errors/")}}', 'a&berrors/'],
  ['{{concat text count}}', 'a&b5'],
  ['{{before text "&"}}', 'a'],
  ['{{after text "&"}}', 'b'],
  ['{{before text ";"}}', undefined],
  ['{{after absent "&"}}', undefined],
  ['\\{{text}}', '{{text}}'],
];

for (const [expression, value] of values) {
  test(`${expression} is ${JSON.stringify(value)}`, () => {
    assert.deepEqual(compileExpression(expression, names)(scope), value);
  });
}

const refused: [expression: string, message: RegExp][] = [
  ['{{nobody}}', /^\{\{nobody}} is no parameter of the template$/],
  ['{{job.home}}', /job\.home}} is no parameter/],
  ['{{text.length}}', /text\.length}} is no parameter/],
  ['{{__proto__}}', /is no parameter/],
  ['{{constructor}}', /is no parameter/],
  ['{{text.constructor}}', /is no parameter/],
  ['{{this}}', /is no parameter/],
  ['{{this.text}}', /is no parameter/],
  ['{{./text}}', /is no parameter/],
  ['{{../text}}', /is no parameter/],
  ['{{@root}}', /is no parameter/],
  ['{{@root.text}}', /is no parameter/],
  ['{{lookup options "a"}}', /lookup is no helper: there are eq, /],
  ['{{text "a"}}', /text is no helper/],
  ['{{eq text}}', /eq takes 2 arguments/],
  ['{{default absent}}', /default takes 2 to 9 arguments/],
  ['{{eq text b=1}}', /named arguments/],
  ['{{eq text null}}', /null and undefined/],
  ['{{#if flag}}x{{/if}}', /no blocks/],
  ['{{> partial}}', /no blocks, partials/],
  ['{{* decorator}}', /no blocks, partials, decorators/],
  ['{{! comment }}', /comments/],
  ['{{else}}', /does not parse/],
  ['{{text', /does not parse/],
  ['{{}}', /does not parse/],
];

for (const [expression, message] of refused) {
  test(`${expression} is refused`, () => {
    assert.throws(
      () => compileExpression(expression, names),
      (error: unknown) => error instanceof ExpressionFault && message.test(error.message),
    );
  });
}
