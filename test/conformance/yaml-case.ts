/** Runs one case of `yaml/`: the format is told in its README. */
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { storageDirectory } from '../../src/config.ts';
import { type Batch, payloadOf } from '../../src/engine/batch.ts';
import { type Component, type ElementType, outputKey } from '../../src/engine/component.ts';
import type { GraphNode } from '../../src/engine/graph.ts';
import { stringifyExact } from '../../src/formats/exact-json.ts';
import { parseRow } from '../../src/formats/rows.ts';
import { resolvePipeline } from '../../src/pipeline/resolve.ts';
import { registry } from '../../src/registry.ts';
import { node, start } from '../helpers/pipeline.ts';

export interface Case {
  title: string;
  pipeline: unknown;
  options?: unknown;
  expected?: unknown[] | Record<string, unknown[]>;
  ordered?: boolean;
  error?: string;
  files?: Record<string, string>;
}

export const CASE_KEYS = ['title', 'pipeline', 'options', 'expected', 'ordered', 'error', 'files'];

/** What the pipeline gave, by output: a line of JSON per element, or the text lines of a sink. */
export type Given = Record<string, string[]>;

/** Runs the pipeline to its end in this folder; throws what refused or failed it. */
export async function run({ pipeline, options, files = {} }: Case, directory: string): Promise<Given> {
  const bucket = join(storageDirectory({ home: directory }), 'case');
  for (const [name, text] of Object.entries(files)) {
    mkdirSync(dirname(join(bucket, name)), { recursive: true });
    writeFileSync(join(bucket, name), text);
  }
  const { nodes } = resolvePipeline({ pipeline, ...(options !== undefined && { options }) }, registry);
  const given: Given = {};
  const ends = nodes.flatMap(each => endsOf(each, nodes, given));
  const running = await start([...nodes, ...ends], { directory });
  await running.ended;
  for (const { id, component } of nodes) if (component.kind === 'sink') given[id] = [];
  // Files do not say which sink wrote them: a case has one.
  const [sink] = nodes.filter(({ component }) => component.kind === 'sink');
  for (const output of running.outputs()) if (sink) given[sink.id]?.push(...linesOf(output, directory));
  return given;
}

/** The expected elements in the form of those given. */
export function wanted({ expected = [] }: Case, given: Given): Given {
  const names = Object.keys(given);
  const byName = Array.isArray(expected) ? { [names[0] ?? 'the only output']: expected } : expected;
  const empty = Object.fromEntries(names.map(name => [name, []]));
  const lines = Object.entries(byName).map(([name, elements]) => [name, elements.map(lineOf)]);
  return { ...empty, ...Object.fromEntries(lines) };
}

const lineOf = (element: unknown): string =>
  typeof element === 'string' ? element : stringifyExact(element);

/** A sink for each output of a node that nothing reads. */
function endsOf(from: GraphNode, nodes: GraphNode[], given: Given): GraphNode[] {
  const { id, output, component, config, deadLetter } = from;
  if (!output || component.kind === 'sink') return [];
  const outputs = (component.kind === 'transform' && component.outputs?.(config)) || ['good'];
  const read = nodes.flatMap(({ inputs }) => inputs).filter(({ from }) => from === id);
  const unread = outputs.filter(name => !read.some(each => each.output === outputKey(name)));
  return unread.map(name => {
    const label = name === 'good' ? id : `${id}.${name}`;
    const rows: string[] = [];
    given[label] = rows;
    const inputs = [{ from: id, output: outputKey(name) }];
    return { ...node(`Collect ${label}`, collectorOf(output, rows)), inputs, input: output, deadLetter };
  });
}

function collectorOf(type: ElementType, rows: string[]): Component {
  return {
    kind: 'sink',
    name: 'Collect',
    summary: '',
    config: {},
    examples: [],
    open: async () => ({
      async write(batch) {
        for (let i = 0; i < batch.count; i++) rows.push(rowAt(batch, i, type));
        return undefined;
      },
      prepare: async () => null,
      commit: async () => {},
      close: async () => {},
    }),
  };
}

function rowAt(batch: Batch, index: number, type: ElementType): string {
  const text = payloadOf(batch, index).toString();
  if (type.form === 'text') return stringifyExact({ [type.field]: text });
  if (type.form === 'row') return stringifyExact(parseRow(text));
  const { failedField, failures } = batch;
  const element = failedField === undefined ? parseRow(text) : { [failedField]: text };
  return stringifyExact({ element, msg: failures?.[index]?.message });
}

function linesOf(output: string, home: string): string[] {
  const path = output.replace(/^gs:\/\//, `${storageDirectory({ home })}/`);
  return readFileSync(path, 'utf8')
    .split('\n')
    .filter((line, i, all) => line !== '' || i < all.length - 1);
}
