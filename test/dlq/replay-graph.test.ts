import assert from 'node:assert/strict';
import { test } from 'node:test';
import { letterPlaces } from '../../src/dlq/places.ts';
import { branchesOf, replayGraph } from '../../src/dlq/replay-graph.ts';
import { resolvePipeline } from '../../src/pipeline/resolve.ts';
import { parseYaml } from '../../src/pipeline/yaml.ts';
import { registry } from '../../src/registry.ts';

const graphOf = (text: string) => resolvePipeline(parseYaml(text, 'p.yaml'), registry);
const UDF =
  '{type: JavaScriptUdf, config: {source: "function process(x) { return x }", error_handling: {output: bad}}}';
const chain = (...transforms: string[]) => `pipeline:
  type: chain
  transforms: [{type: ReadFromText, name: Read, config: {path: in}}, ${transforms.join(', ')}]
  extra_transforms:
    - {type: EncodeDeadLetters, input: JavaScriptUdf.bad}
    - {type: WriteToJson, name: Letters, input: EncodeDeadLetters, config: {path: bad-, file_name_suffix: .gz}}
`;

test('a replay reads letters, writes beside what is there, and is otherwise the same', () => {
  const graph = graphOf(chain(UDF, '{type: WriteToText, config: {path: out}}'));
  const { nodes } = replayGraph(graph, { of: 'j' }, 'R');
  assert.deepEqual(
    nodes.map(({ id, component }) => [id, component.name]),
    [
      ['Read', 'ReadFromDeadLetters'],
      ['JavaScriptUdf', 'JavaScriptUdf'],
      ['WriteToText', 'WriteToText'],
      ['EncodeDeadLetters', 'EncodeDeadLetters'],
      ['Letters', 'WriteToJson'],
    ],
  );
  assert.deepEqual(nodes[0]?.output, { form: 'text', field: 'line' });
  const suffixes = nodes.map(({ config }) => Reflect.get(Object(config), 'file_name_suffix'));
  assert.deepEqual(suffixes.filter(Boolean), ['-replay-R', '-replay-R.gz']);
  assert.deepEqual(
    letterPlaces(graph, 'j').map(({ stage }) => stage),
    ['Letters'],
  );
});

test('another script replaces the function, however it was given', () => {
  const graph = graphOf(chain(UDF, '{type: WriteToText, config: {path: out}}'));
  const changed = replayGraph(graph, { of: 'j', udf: { path: '/new.js', function: 'g' } }, 'R').nodes[1];
  assert.partialDeepStrictEqual(changed?.config, { path: '/new.js', function: 'g', timeout_ms: 1000 });
  assert.ok(!('source' in Object(changed?.config)));
  const renamed = replayGraph(graph, { of: 'j', udf: { function: 'g' } }, 'R').nodes[1];
  assert.ok('source' in Object(renamed?.config));
});

test('of several functions none is changed', () => {
  const second = UDF.replace('JavaScriptUdf,', 'JavaScriptUdf, name: Second,');
  const text = chain(UDF, second, '{type: WriteToText, config: {path: out}}').replace(
    'JavaScriptUdf.bad}',
    '[JavaScriptUdf.bad, Second.bad]}',
  );
  const named = text
    .replace(UDF, UDF.replace('JavaScriptUdf,', 'JavaScriptUdf, name: First,'))
    .replace('JavaScriptUdf.bad', 'First.bad');
  assert.throws(() => replayGraph(graphOf(named), { of: 'j', udf: { function: 'g' } }, 'R'), {
    code: 'REPLAY_REFUSED',
    message: /several functions \(First, Second\)/,
  });
});

test('an output that two transforms read is a branch', () => {
  const graph = graphOf(`- {type: ReadFromText, config: {path: in}}
- {type: WriteToText, name: A, input: ReadFromText, config: {path: a}}
- {type: WriteToText, name: B, input: ReadFromText, config: {path: b}}
`);
  assert.deepEqual(branchesOf(graph), ['A, B']);
});
