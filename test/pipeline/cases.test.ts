/** Runs `cases/*.yaml`: what each pipeline becomes, or everything that is wrong with it. */
import assert from 'node:assert/strict';
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, test } from 'node:test';
import type { GraphNode } from '../../src/engine/graph.ts';
import { SluiceError } from '../../src/errors.ts';
import { resolvePipeline } from '../../src/pipeline/resolve.ts';
import { parseYaml } from '../../src/pipeline/yaml.ts';
import { registry } from './registry.ts';

interface Case {
  title: string;
  yaml: string;
  /** A line per node. */
  graph?: string[];
  /** A line per fault. */
  faults?: string[];
}

const folder = join(import.meta.dirname, 'cases');
for (const file of readdirSync(folder)) {
  describe(file, () => {
    const cases = parseYaml(readFileSync(join(folder, file), 'utf8'), file) as Case[];
    for (const { title, yaml, graph, faults } of cases) {
      test(title, () => {
        const found = resolve(yaml);
        assert.deepEqual(found, graph ? { graph } : { faults });
      });
    }
  });
}

function resolve(yaml: string): { graph: string[] } | { faults: string[] } {
  try {
    return { graph: resolvePipeline(parseYaml(yaml, 'p.yaml'), registry).nodes.map(describeNode) };
  } catch (error) {
    if (!(error instanceof SluiceError)) throw error;
    assert.equal(error.code, 'PIPELINE_INVALID');
    if (error.violations.length === 0) return { faults: [error.message] };
    return { faults: error.violations.map(({ subject, message }) => `${subject}: ${message}`) };
  }
}

/** `id <- input, input!, input.output = what it gives @window, errors to NAME, dead letter`. */
function describeNode(node: GraphNode): string {
  const { id, inputs, output, windowing, errorHandling, deadLetter } = node;
  const read = inputs.map(({ from, output: which }) =>
    which === 'good' ? from : which === 'errors' ? `${from}!` : `${from}.${which}`,
  );
  const window = windowing.type === 'fixed' ? ` @${windowing.sizeMs}ms+${windowing.offsetMs}` : '';
  return [
    id,
    ...(read.length > 0 ? [' <- ', read.join(', ')] : []),
    ...(output ? [' = ', output.form === 'text' ? output.field : output.form] : []),
    window,
    ...(errorHandling ? [`, errors to ${errorHandling.output}`] : []),
    ...(errorHandling?.threshold === undefined ? [] : [` up to ${errorHandling.threshold}`]),
    ...(deadLetter ? [', dead letter'] : []),
  ].join('');
}
