import assert from 'node:assert/strict';
import { type TestContext, test } from 'node:test';
import fc from 'fast-check';
import { renderTemplate } from '../../src/catalog/render.ts';
import type { Template } from '../../src/catalog/template.ts';
import type { Json } from '../../src/engine/component.ts';
import { placeOf } from '../../src/pipeline/yaml.ts';
import { context, parametersText, templateOf } from './template-of.ts';

const parameters = parametersText({ a: {}, b: {}, n: { type: 'integer' }, flag: { type: 'boolean' } });

async function rendered(t: TestContext, pipeline: string, values: Record<string, Json>): Promise<unknown> {
  return plain(
    await renderTemplate(await templateOf(t, `${parameters}pipeline: ${pipeline}\n`), values, context),
  );
}

const plain = (value: unknown): unknown => JSON.parse(JSON.stringify(value));

test('a scalar that is one expression keeps the type of its value', async t => {
  const pipeline =
    '{type: A, config: {n: "{{n}}", flag: "{{flag}}", text: "{{n}} and {{flag}}", number: 010}}';
  assert.deepEqual(await rendered(t, pipeline, { n: 5, flag: false }), {
    type: 'A',
    config: { n: 5, flag: false, text: '5 and false', number: 8 },
  });
});

test('an absent parameter removes its key and its place in a list, an empty text does not', async t => {
  const pipeline =
    '{type: A, config: {a: "{{a}}", b: "{{b}}", list: ["{{a}}", "{{b}}", c], mixed: "x{{a}}"}}';
  assert.deepEqual(await rendered(t, pipeline, { b: '' }), { type: 'A', config: { b: '', list: ['', 'c'] } });
});

test('`when` drops a transform whose parameter is absent, false, empty or 0', async t => {
  const pipeline =
    '{type: chain, transforms: [{type: A}, {type: B, when: "{{a}}"}, {type: C, input: [B, A]}]}';
  const without = { type: 'chain', transforms: [{ type: 'A' }, { type: 'C', input: ['A'] }] };
  for (const values of [{}, { a: '' }, { a: false }, { a: 0 }] as Record<string, Json>[])
    assert.deepEqual(await rendered(t, pipeline, values), without);
  assert.deepEqual(await rendered(t, pipeline, { a: 'x' }), {
    type: 'chain',
    transforms: [{ type: 'A' }, { type: 'B' }, { type: 'C', input: ['B', 'A'] }],
  });
});

test('the pipeline keeps the places of the template file', async t => {
  const text = `${parameters}pipeline:\n  type: chain\n  transforms:\n    - type: A\n      when: "{{a}}"\n    - type: B\n      config: {n: "{{n}}"}\n`;
  const template = await templateOf(t, text);
  const { transforms } = Object(await renderTemplate(template, { n: 1 }, context));
  assert.equal(placeOf(transforms[0]), `${template.file}:12:7`);
  assert.equal(placeOf(transforms[0].config, 'n'), `${template.file}:13:19`);
});

test('renderings share nothing', async t => {
  const template = await templateOf(t, `${parameters}pipeline: {type: A, config: {list: [1]}}\n`);
  const first = Object(await renderTemplate(template, {}, context));
  first.config.list.push(2);
  assert.deepEqual(plain(await renderTemplate(template, {}, context)), { type: 'A', config: { list: [1] } });
});

const hostile = fc.oneof(
  fc.string({ unit: 'binary' }),
  fc.constantFrom(
    '{{b}}',
    '{{{b}}}',
    '{{#if b}}',
    '}}',
    '{{job.id}}',
    '__proto__',
    'constructor',
    '"quotes" and \'more\'',
    'a\nb: c\n- d',
    '{"when": false}',
    'x, evil: true}',
    '&anchor *alias !!js/function',
    '# comment',
    '\\{{b}}',
    '\u2028\u0000é',
    '<<: {a: b}',
  ),
);

test('any value arrives as it is, where it belongs and nowhere else', async t => {
  const pipeline = `{type: chain, transforms: [{type: A, config: {path: "{{a}}", both: "<{{a}}|{{b}}>", list: ["{{b}}"]}}, {type: B, config: {fixed: text}}]}`;
  const template: Template = await templateOf(t, `${parameters}pipeline: ${pipeline}\n`);
  await fc.assert(
    fc.asyncProperty(hostile, hostile, async (a, b) => {
      assert.deepEqual(plain(await renderTemplate(template, { a, b }, context)), {
        type: 'chain',
        transforms: [
          { type: 'A', config: { path: a, both: `<${a}|${b}>`, list: [b] } },
          { type: 'B', config: { fixed: 'text' } },
        ],
      });
    }),
  );
  assert.equal(Object.hasOwn(Object.prototype, 'evil'), false);
});

test('values that a prototype has are not those of a parameter', async t => {
  const template = await templateOf(t, `${parameters}pipeline: {type: A, config: {a: "{{a}}"}}\n`);
  const values: Record<string, Json> = Object.create({ a: 'inherited' });
  assert.deepEqual(plain(await renderTemplate(template, values, context)), { type: 'A', config: {} });
});
