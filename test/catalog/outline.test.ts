import assert from 'node:assert/strict';
import { test } from 'node:test';
import { outlineOf } from '../../src/catalog/outline.ts';
import { parseYaml } from '../../src/pipeline/yaml.ts';
import { registry } from '../../src/registry.ts';

/** `id <- what it reads`, a line a transform; `!` for dead letters. */
const linesOf = (yaml: string): string[] =>
  outlineOf(parseYaml(yaml, 'x.yaml'), type => registry.get(type)?.kind).map(
    ({ id, inputs, deadLetter }) =>
      `${id}${deadLetter ? '!' : ''} <- ${inputs.map(({ from, output }) => `${from}.${output}`).join(' ')}`,
  );

test('neighbours of a chain that exclude each other stand side by side', () => {
  const lines = linesOf(`
type: chain
transforms:
  - {type: ReadFromText, name: Files, when: "{{a}}"}
  - {type: ReadFromPubSub, name: Topic, when: "{{b}}"}
  - {type: JavaScriptUdf, name: Udf, when: "{{c}}", config: {error_handling: {output: failed}}}
  - {type: ParseCsv, name: One, when: "{{d}}"}
  - {type: ParseCsv, name: Other, when: "{{not d}}"}
  - {type: WriteToText, name: Text, when: "{{e}}"}
  - {type: WriteToBigQuery, name: Table, when: "{{not e}}"}
extra_transforms:
  - {type: WriteToJson, name: Letters, input: Udf.failed}
`);
  assert.deepEqual(lines, [
    'Files <- ',
    'Topic <- ',
    'Udf <- Files.good Topic.good',
    'One <- Udf.good',
    'Other <- Udf.good',
    'Text <- One.good Other.good',
    'Table <- One.good Other.good',
    'Letters! <- Udf.errors',
  ]);
});

test('names are followed through composites, and several of the same have names of their own', () => {
  const lines = linesOf(`
transforms:
  - {type: Create, name: Values}
  - type: chain
    name: Inner
    input: Values
    transforms: [{type: ParseJson}, {type: MapToFields}]
  - {type: WriteToJson, input: Inner}
  - {type: WriteToJson, input: {one: Values, other: Inner}}
  - {type: Partition, name: Parts, input: Inner}
  - {type: WriteToText, input: Parts.left}
`);
  assert.deepEqual(lines, [
    'Values <- ',
    'Inner/ParseJson <- Values.good',
    'Inner/MapToFields <- Inner/ParseJson.good',
    'WriteToJson <- Inner/MapToFields.good',
    'WriteToJson-2 <- Values.good Inner/MapToFields.good',
    'Parts <- Inner/MapToFields.good',
    'WriteToText <- Parts.left',
  ]);
});

test('what is no pipeline, and what names nothing, has an outline all the same', () => {
  assert.deepEqual(linesOf('[1, 2]'), []);
  assert.deepEqual(linesOf('transforms: {type: 3}'), ['3 <- ']);
  assert.deepEqual(linesOf('transforms: [{type: Nothing, input: [Nowhere, Nothing.errors]}, 7, {}]'), [
    'Nothing <- ',
    ' <- ',
  ]);
});
