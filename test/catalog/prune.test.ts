import assert from 'node:assert/strict';
import { test } from 'node:test';
import { pruneTransforms } from '../../src/catalog/prune.ts';
import { parseYaml } from '../../src/pipeline/yaml.ts';

const cases: { name: string; before: string; after: string }[] = [
  {
    name: 'in a chain the neighbours of a dropped transform close up',
    before: '{type: chain, transforms: [{type: A}, {type: B, when: false}, {type: C, when: yes}]}',
    after: '{type: chain, transforms: [{type: A}, {type: C}]}',
  },
  {
    name: 'empty text and 0 drop a transform, other values keep it',
    before: '{transforms: [{type: A, when: ""}, {type: B, when: 0}, {type: C, when: x}, {type: D, when: 1}]}',
    after: '{transforms: [{type: C}, {type: D}]}',
  },
  {
    name: 'a reference to a dropped transform vanishes from a list of inputs',
    before:
      '{transforms: [{type: A}, {type: B, name: Udf, when: false}, {type: C, input: [A.errors, Udf.errors]}]}',
    after: '{transforms: [{type: A}, {type: C, input: [A.errors]}]}',
  },
  {
    name: 'a transform whose inputs all vanished goes, and what it fed goes too, whatever the order',
    before:
      '{transforms: [{type: D, input: C}, {type: A}, {type: C, input: [B, B.errors]}, {type: B, input: A, when: false}]}',
    after: '{transforms: [{type: A}]}',
  },
  {
    name: 'of a mapping of inputs the lost ones go',
    before:
      '{transforms: [{type: A}, {type: B, when: false}, {type: J, input: {left: A, right: B, both: [A, B]}}]}',
    after: '{transforms: [{type: A}, {type: J, input: {left: A, both: [A]}}]}',
  },
  {
    name: 'a name that another transform of that type still has is not lost',
    before: '{transforms: [{type: A, when: false}, {type: A}, {type: B, input: A}]}',
    after: '{transforms: [{type: A}, {type: B, input: A}]}',
  },
  {
    name: 'a source and a sink are dropped like others',
    before: '{type: chain, source: {type: A}, transforms: [{type: B}], sink: {type: C, when: false}}',
    after: '{type: chain, source: {type: A}, transforms: [{type: B}]}',
  },
  {
    name: 'the chain that only handled the errors of dropped transforms goes',
    before:
      '{type: chain, transforms: [{type: A}, {type: U, when: false}], extra_transforms: [{type: chain, input: U.errors, transforms: [{type: E}]}]}',
    after: '{type: chain, transforms: [{type: A}], extra_transforms: []}',
  },
  {
    name: 'inside a composite a lost input is lost, and outside an output of it',
    before: `{transforms: [{type: A}, {type: U, when: false},
      {type: composite, name: O, input: {a: A, u: U}, transforms: [{type: X, input: a}, {type: Y, input: u}], output: {good: X, bad: Y}},
      {type: Z, input: O.bad}, {type: V, input: O.good}]}`,
    after: `{transforms: [{type: A},
      {type: composite, name: O, input: {a: A}, transforms: [{type: X, input: a}], output: {good: X}},
      {type: V, input: O.good}]}`,
  },
  {
    name: 'a name inside a composite is not one outside',
    before:
      '{transforms: [{type: A, when: false}, {type: B}, {type: chain, input: B, transforms: [{type: A}, {type: C}]}]}',
    after: '{transforms: [{type: B}, {type: chain, input: B, transforms: [{type: A}, {type: C}]}]}',
  },
  {
    name: 'a config may have a key `when`',
    before: '{transforms: [{type: A, config: {when: false}}]}',
    after: '{transforms: [{type: A, config: {when: false}}]}',
  },
];

for (const { name, before, after } of cases) {
  test(name, () => {
    const pruned = pruneTransforms(parseYaml(before, 'before'));
    assert.deepEqual(
      JSON.parse(JSON.stringify(pruned)),
      JSON.parse(JSON.stringify(parseYaml(after, 'after'))),
    );
  });
}
