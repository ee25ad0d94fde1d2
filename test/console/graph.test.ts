import assert from 'node:assert/strict';
import { test } from 'node:test';
import { type PipelineNode, pictureOf, pipelineNodes } from '../../src/console/graph.ts';
import { resolvePipeline } from '../../src/pipeline/resolve.ts';
import { parseYaml } from '../../src/pipeline/yaml.ts';
import { registry } from '../../src/registry.ts';

const PIPELINE = `
type: chain
transforms:
  - {type: ReadFromText, name: Read, config: {path: in.txt}}
  - {type: ParseJson, name: Parse, config: {error_handling: {output: errors}}}
  - {type: WriteToJson, name: Write, config: {path: out, error_handling: {output: errors}}}
extra_transforms:
  - type: chain
    name: DeadLetters
    input: [Parse.errors, Write.errors]
    transforms:
      - {type: EncodeDeadLetters, name: Encode}
      - {type: WriteToJson, name: Keep, config: {path: errors}}
`;

test('a pipeline is drawn from what it reads down to what it writes, dead letters beside', () => {
  const nodes = pipelineNodes(resolvePipeline(parseYaml(PIPELINE, 'x.yaml'), registry));
  const { boxes, lines, sentence, width, height } = pictureOf(nodes, { 'Read>Parse': '1,000' });
  const at = (title: string) => boxes.find(box => box.title === title) ?? assert.fail(`no ${title}`);
  assert.deepEqual(boxes.map(({ title }) => title).sort(), ['Encode', 'Keep', 'Parse', 'Read', 'Write']);
  for (const [above, below] of [
    ['Read', 'Parse'],
    ['Parse', 'Write'],
    ['Write', 'Encode'],
    ['Encode', 'Keep'],
  ] as const)
    assert.ok(at(above).y + at(above).height < at(below).y, `${above} stands above ${below}`);
  assert.equal(at('Read').x, at('Write').x);
  assert.ok(at('Encode').x > at('Write').x);
  assert.equal(at('Encode').x, at('Keep').x);
  assert.deepEqual(
    lines.map(({ id, isError }) => [id, isError]),
    [
      ['Read>Parse', false],
      ['Parse>Write', false],
      ['Parse>DeadLetters/Encode', true],
      ['Write>DeadLetters/Encode', true],
      ['DeadLetters/Encode>DeadLetters/Keep', false],
    ],
  );
  assert.equal(lines[0]?.label, '1,000');
  assert.match(sentence, /Parse gives to Write, gives failed elements to Encode; /);
  assert.ok(boxes.every(box => box.x + box.width <= width && box.y + box.height <= height));
});

test('boxes never lie on each other, whatever a pipeline looks like', () => {
  const kindOf = (index: number) => (index === 0 ? 'source' : 'transform');
  for (let seed = 1; seed <= 200; seed++) {
    let state = seed;
    const random = (below: number) => {
      state = (state * 48_271) % 2_147_483_647;
      return state % below;
    };
    const nodes: PipelineNode[] = Array.from({ length: 1 + random(12) }, (_, index) => ({
      id: `n${index}`,
      title: `n${index}`,
      type: 'T',
      kind: kindOf(index),
      deadLetter: index > 0 && random(3) === 0,
      inputs:
        index === 0
          ? []
          : Array.from({ length: 1 + random(3) }, () => ({
              from: `n${random(index)}`,
              output: random(3) === 0 ? 'errors' : 'good',
            })),
    }));
    const { boxes } = pictureOf(nodes);
    const places = new Set(boxes.map(({ x, y }) => `${x} ${y}`));
    assert.equal(places.size, nodes.length, `of seed ${seed}`);
  }
});
