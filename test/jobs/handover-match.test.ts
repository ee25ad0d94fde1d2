import assert from 'node:assert/strict';
import { test } from 'node:test';
import { lineageOf, matchStages } from '../../src/jobs/handover-match.ts';
import { parseYaml } from '../../src/pipeline/yaml.ts';
import { graphOf } from '../../src/worker/graph.ts';
import type { Job } from '../../src/worker/job-file.ts';

/** A stream of orders into hourly totals, with its parts exchanged. */
function graph(parts: Record<string, string> = {}) {
  const {
    read = 'config: {topic: projects/local/topics/orders}',
    parse = '- type: ParseJson',
    window = '{type: fixed, size: 1h}',
    combine = '{group_by: user, combine: {total: {value: price, fn: sum}, most: {value: price, fn: max}}}',
    write = 'config: {path: /out/totals}',
    name = 'Combine',
    more = '',
  } = parts;
  const text = `
pipeline:
  type: chain
  transforms:
    - type: ReadFromPubSub
      ${read}
    ${parse}
    - type: WindowInto
      config: {windowing: ${window}}
    - type: Combine
      name: ${name}
      config: ${combine}
    - type: WriteToJson
      ${write}
${more}`;
  return graphOf({ id: 'J', pipeline: parseYaml(text, 'test.yaml') });
}

const refusal = (parts: Record<string, string>, mapping: Record<string, string> = {}): string => {
  try {
    matchStages(graph(), graph(parts), mapping);
  } catch (error) {
    assert.equal((error as { code: string }).code, 'UPDATE_REFUSED');
    return (error as Error).message.replace('; otherwise drain the running job, and launch the new one', '');
  }
  return '';
};

test('what keeps state goes on under its name; what keeps none may change, come and go', () => {
  const udf = "- type: JavaScriptUdf\n      config: {source: 'function process(p) { return p; }'}";
  assert.deepEqual(matchStages(graph(), graph({ parse: `- type: ParseJson\n    ${udf}` })), {
    ReadFromPubSub: 'ReadFromPubSub',
    Combine: 'Combine',
    WriteToJson: 'WriteToJson',
  });
});

const refusals: [what: string, parts: Record<string, string>, message: string][] = [
  [
    'another topic',
    { read: 'config: {topic: projects/local/topics/users}' },
    'ReadFromPubSub: its topic is not that of the running job',
  ],
  [
    'another output',
    { write: 'config: {path: /elsewhere}' },
    'WriteToJson: its path is not that of the running job',
  ],
  [
    'a further setting of the output',
    { write: 'config: {path: /out/totals, num_shards: 3}' },
    'WriteToJson: its num_shards is not that of the running job',
  ],
  [
    'other windows',
    { window: '{type: fixed, size: 2h}' },
    'Combine: its windowing is not that of the running job',
  ],
  [
    'other keys',
    {
      combine:
        '{group_by: [user, day], combine: {total: {value: price, fn: sum}, most: {value: price, fn: max}}}',
    },
    'Combine: its group_by is not that of the running job',
  ],
  [
    'aggregations in another order',
    { combine: '{group_by: user, combine: {most: {value: price, fn: max}, total: {value: price, fn: sum}}}' },
    'Combine: its combine is not that of the running job',
  ],
  [
    'another name',
    { name: 'Totals' },
    'Combine keeps state, and the new job has no transform of that name: transformNameMapping says what it is called now',
  ],
];
for (const [what, parts, message] of refusals) {
  test(`${what} is refused by name`, () => assert.equal(refusal(parts), message));
}

test('a transform may have another name, if the mapping says so', () => {
  const renamed = graph({ name: 'Totals' });
  assert.equal(matchStages(graph(), renamed, { Combine: 'Totals' }).Combine, 'Totals');
  assert.equal(
    refusal({ name: 'Totals' }, { Combien: 'Totals' }),
    'transformNameMapping: the running job has no transform Combien',
  );
  assert.equal(
    refusal({ name: 'Totals' }, { Combine: 'Total' }),
    'transformNameMapping: the new job has no transform Total',
  );
  assert.equal(
    refusal({}, { Combine: 'WriteToJson' }),
    'WriteToJson: it is a WriteToJson, and in the running job a Combine',
  );
  assert.equal(
    refusal({}, { ReadFromPubSub: 'WriteToJson', WriteToJson: 'WriteToJson' }),
    'WriteToJson: it is a WriteToJson, and in the running job a ReadFromPubSub',
  );
});

test('two stages cannot go on as one', () => {
  const two = `
pipeline:
  transforms:
    - {type: ReadFromPubSub, name: R, config: {topic: t}}
    - {type: WriteToText, name: A, input: R, config: {path: /out/a}}
    - {type: WriteToText, name: B, input: R, config: {path: /out/a}}`;
  const graphs = graphOf({ id: 'J', pipeline: parseYaml(two, 'two.yaml') });
  assert.throws(() => matchStages(graphs, graphs, { A: 'B' }), /A and B cannot both go on as B/);
});

test('state is kept under the names it began with, however often it is renamed', () => {
  const job = { id: 'J1' } as Job;
  const second = graph({ name: 'Totals' });
  const matched = matchStages(graph(), second, { Combine: 'Totals' });
  const lineage = lineageOf(job, second, 'J2', matched);
  assert.deepEqual(lineage, { jobId: 'J1', stages: { Totals: 'Combine' } });
  const third = graph({ name: 'Sums' });
  const again = lineageOf(
    { ...job, id: 'J2', lineage },
    third,
    'J3',
    matchStages(second, third, { Totals: 'Sums' }),
  );
  assert.deepEqual(again, { jobId: 'J1', stages: { Sums: 'Combine' } });
});

test('a new stage does not meet the state of one that had its name', () => {
  const more = `  extra_transforms:
    - type: Combine
      name: Combine
      input: ParseJson
      config: {group_by: user, combine: {most: {value: price, fn: max}}}
    - {type: LogForTesting, input: Combine}`;
  const after = graph({ name: 'Totals', more });
  const matched = matchStages(graph(), after, { Combine: 'Totals' });
  assert.deepEqual(lineageOf({ id: 'J1' } as Job, after, 'J2', matched).stages, {
    Totals: 'Combine',
    Combine: 'Combine@J2',
  });
});
