import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { SluiceError } from '../../src/errors.ts';
import { resolvePipeline } from '../../src/pipeline/resolve.ts';
import { parseYaml } from '../../src/pipeline/yaml.ts';
import { registry } from './registry.ts';

const resolve = (yaml: string) => resolvePipeline(parseYaml(yaml, 'p.yaml'), registry);

function messageOf(step: () => unknown): string {
  try {
    step();
  } catch (error) {
    if (error instanceof SluiceError) return error.message;
  }
  return assert.fail('was not refused');
}

test('a config gets its defaults and loses error_handling, and the file is left as it was', () => {
  const spec = parseYaml(
    `type: chain
transforms:
  - {type: ReadText, config: {path: a}}
  - {type: Udf, config: {keep: yes, error_handling: {output: e}}}
  - {type: LogForTesting}
extra_transforms:
  - {type: LogForTesting, name: Errors, input: Udf.e}`,
    'p.yaml',
  );
  const before = JSON.stringify(spec);
  const configs = resolvePipeline(spec, registry).nodes.map(({ config }) => config);
  assert.deepEqual(configs, [
    { path: 'a', field: 'line' },
    { keep: true },
    { level: 'INFO', prefix: '' },
    { level: 'INFO', prefix: '' },
  ]);
  assert.equal(JSON.stringify(spec), before);
});

test('integers beyond 2^53 reach the config exactly', () => {
  const { nodes } = resolve(
    '[{type: Create, config: {elements: [9007199254740993, {a: -9223372036854775808}]}}]',
  );
  assert.deepEqual(nodes[0]?.config, { elements: [9007199254740993n, { a: -9223372036854775808n }] });
});

test('every node knows its place in the file', () => {
  const { nodes } = resolve('- {type: ReadText, config: {path: a}}\n- {type: Write, input: ReadText}\n');
  assert.deepEqual(
    nodes.map(({ place }) => place),
    ['p.yaml:1:3', 'p.yaml:2:3'],
  );
});

test('a pipeline that comes from no file has its faults named by their path', () => {
  const transforms = [
    { type: 'ReadText', config: { pth: 1 } },
    { type: 'Write', input: 'Red' },
  ];
  assert.throws(
    () => resolvePipeline({ pipeline: { transforms } }, registry),
    error => {
      assert.ok(error instanceof SluiceError);
      assert.deepEqual(error.violations, [
        { subject: 'pipeline.transforms[0].config', message: 'ReadText needs path' },
        {
          subject: 'pipeline.transforms[0].config.pth',
          message: 'ReadText has no key pth: did you mean path?',
        },
        {
          subject: 'pipeline.transforms[1].input',
          message: 'no transform is called Red: there is ReadText and Write',
        },
      ]);
      assert.match(error.message, /^the pipeline has 3 faults, first pipeline\.transforms\[0\]\.config: /);
      return true;
    },
  );
});

test('names like those of every object are names like any other', () => {
  const { nodes } = resolve(`
- {type: ReadText, name: __proto__, config: {path: a}}
- {type: Write, name: constructor, input: __proto__}
- {type: Write, name: toString, input: {hasOwnProperty: __proto__}}`);
  assert.deepEqual(
    nodes.map(({ id }) => id),
    ['__proto__', 'constructor', 'toString'],
  );
  const message = messageOf(() =>
    resolve('- {type: ReadText, config: {path: a}}\n- {type: Write, input: valueOf}'),
  );
  assert.equal(message, 'p.yaml:2:24: no transform is called valueOf: there is ReadText and Write');
});

test('scopes are nested no deeper than 50 levels', () => {
  const nest = (levels: number): object =>
    levels === 0
      ? { type: 'ReadText', config: { path: 'a' } }
      : { type: 'composite', transforms: [nest(levels - 1)] };
  assert.equal(resolvePipeline([nest(49)], registry).nodes.length, 1);
  assert.match(
    messageOf(() => resolvePipeline([nest(50)], registry)),
    /: scopes are nested deeper than 50 levels$/,
  );
});

test('a pipeline has at most 1000 transforms, however they are shared', () => {
  const read = { type: 'ReadText', config: { path: 'a' } };
  assert.equal(resolvePipeline(Array(1000).fill(read), registry).nodes.length, 1000);
  const bomb = (levels: number): object =>
    levels === 0 ? read : { type: 'composite', transforms: Array(10).fill(bomb(levels - 1)) };
  assert.match(
    messageOf(() => resolvePipeline([bomb(8)], registry)),
    /: a pipeline has at most 1000 transforms$/,
  );
});

test('a chain of a thousand transforms is resolved in order', () => {
  const transforms = [{ type: 'ReadText', config: { path: 'a' } }, ...Array(999).fill({ type: 'Udf' })];
  const { nodes } = resolvePipeline({ type: 'chain', transforms }, registry);
  const type = { form: 'text', field: 'line' };
  assert.deepEqual(nodes.at(-1)?.inputs, [{ from: 'Udf-998', output: 'good', type }]);
});

test('a config that no YAML could hold is refused', () => {
  const config = { path: 'a', field: () => 'line' };
  assert.match(
    messageOf(() => resolvePipeline([{ type: 'ReadText', config }], registry)),
    /: the config is no plain data$/,
  );
});

test('no structure makes the resolver throw anything but a SluiceError', () => {
  const name = fc.constantFrom(
    'A',
    'B',
    'Udf',
    'ReadText',
    'Write',
    'Flatten',
    'composite',
    'chain',
    'input',
    'A.e',
    'C.x',
  );
  const noise = fc.anything({ withBigInt: true, withNullPrototype: true, maxDepth: 2 });
  const input = fc.oneof(
    name,
    fc.array(name, { maxLength: 3 }),
    fc.dictionary(name, name, { maxKeys: 3 }),
    noise,
  );
  const config = fc.oneof(
    fc.record(
      { path: name, error_handling: fc.record({ output: fc.constantFrom('e', 'x') }) },
      { requiredKeys: [] },
    ),
    noise,
  );
  const { scope } = fc.letrec(tie => ({
    scope: fc.record(
      {
        type: fc.constantFrom('chain', 'composite'),
        name,
        input,
        output: input,
        windowing: fc.oneof(fc.constant({ type: 'fixed', size: '5s' }), noise),
        transforms: fc.oneof(fc.array(tie('member'), { maxLength: 5 }), noise),
        extra_transforms: fc.array(tie('member'), { maxLength: 2 }),
        source: tie('member'),
        sink: tie('member'),
      },
      { requiredKeys: ['type'] },
    ),
    leaf: fc.record({ type: name, name, input, config, windowing: noise }, { requiredKeys: ['type'] }),
    member: fc.oneof({ depthSize: 'small' }, tie('leaf'), tie('scope'), noise),
  }));
  fc.assert(
    fc.property(
      fc.oneof(
        scope,
        scope.map(pipeline => ({ pipeline })),
        noise,
      ),
      spec => {
        try {
          resolvePipeline(spec, registry);
        } catch (error) {
          if (!(error instanceof SluiceError)) throw error;
          assert.equal(error.code, 'PIPELINE_INVALID');
        }
      },
    ),
    { numRuns: 2000 },
  );
});

test('in every graph that is resolved each node comes after those it reads', () => {
  const names = ['A', 'B', 'C', 'D', 'E'];
  const member = fc.record({
    name: fc.constantFrom(...names),
    type: fc.constantFrom('ReadText', 'Udf', 'Flatten', 'Write'),
    input: fc.array(fc.constantFrom(...names), { maxLength: 3 }),
    config: fc.constant({}),
  });
  fc.assert(
    fc.property(fc.uniqueArray(member, { selector: ({ name }) => name }), members => {
      const transforms = members.map(each =>
        each.type === 'ReadText' ? { ...each, input: [], config: { path: 'a' } } : each,
      );
      try {
        const seen = new Set<string>();
        for (const { id, inputs } of resolvePipeline(transforms, registry).nodes) {
          for (const { from } of inputs) assert.ok(seen.has(from));
          seen.add(id);
        }
      } catch (error) {
        assert.ok(error instanceof SluiceError);
      }
    }),
    { numRuns: 1000 },
  );
});
