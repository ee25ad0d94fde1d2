/** The examples in the reference: each resolves, and gives what it says it gives. */
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { test } from 'node:test';
import { storageDirectory } from '../../src/config.ts';
import type { GraphNode } from '../../src/engine/graph.ts';
import { resolvePipeline } from '../../src/pipeline/resolve.ts';
import { parseYaml } from '../../src/pipeline/yaml.ts';
import { registry } from '../../src/registry.ts';
import { collector, node, start } from '../helpers/pipeline.ts';
import { temporaryFolder } from '../helpers/temporary.ts';

for (const { name, examples } of registry.values()) {
  test(`${name} has an example`, () => assert.ok(examples.length > 0));

  for (const { title, yaml, output } of examples) {
    test(`${name}, ${title}: the example ${output ? 'gives what it says' : 'resolves'}`, async t => {
      const { nodes } = resolvePipeline(parseYaml(yaml, `${name}.yaml`), registry);
      if (!output) return;
      const directory = await temporaryFolder(t);
      const sink = collector();
      const ends = nodes
        .filter(each => isUnread(each, nodes))
        .map(({ id, deadLetter }) => node(`Collect ${id}`, sink, [id], { deadLetter }));
      const pipeline = await start([...nodes, ...ends], { directory });
      assert.equal(await pipeline.ended, 'DONE');
      const given = [...sink.published, ...pipeline.outputs().flatMap(path => linesOf(path, directory))];
      assert.deepEqual(given.toSorted(), output.toSorted());
    });
  }
}

const isUnread = ({ id, output }: GraphNode, nodes: GraphNode[]): boolean =>
  output !== undefined &&
  !nodes.some(({ inputs }) => inputs.some(each => each.from === id && each.output === 'good'));

function linesOf(output: string, home: string): string[] {
  const path = output.replace(/^gs:\/\//, `${storageDirectory({ home })}/`);
  return readFileSync(path, 'utf8').trimEnd().split('\n');
}
