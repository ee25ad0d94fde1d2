/** Create: elements that stand in the pipeline itself. */
import { type Batch, batchOf } from '../engine/batch.ts';
import { defineSource, type Json, type Source, type StageContext } from '../engine/component.ts';
import { BEGINNING_OF_TIME, END_OF_TIME } from '../engine/time.ts';
import { SluiceError } from '../errors.ts';
import { stringifyExact } from '../formats/exact-json.ts';

const BATCH_BYTES = 64 * 1024;

export const create = defineSource({
  name: 'Create',
  system: 'Values',
  summary: 'Gives the elements written in the pipeline.',
  description:
    'Each element is a row. A value that is no mapping becomes `{element: value}`; fields that only some rows ' +
    'have are null in the others.',
  config: {
    type: 'object',
    required: ['elements'],
    properties: {
      elements: { type: 'array', description: 'The elements: mappings, or plain values.' },
      reshuffle: { type: 'boolean', description: 'Taken for the sake of Beam; changes nothing here.' },
    },
  },
  examples: [
    {
      title: 'Rows get the same fields, and exact integers',
      yaml: `
pipeline:
  transforms:
    - type: Create
      config:
        elements:
          - {name: ada, id: 9007199254740993}
          - {name: bob}
`,
      output: ['{"name":"ada","id":9007199254740993}', '{"name":"bob","id":null}'],
    },
    {
      title: 'A plain value becomes a row',
      yaml: `
pipeline:
  transforms:
    - type: Create
      config: {elements: [1, text, [2, 3]]}
`,
      output: ['{"element":1}', '{"element":"text"}', '{"element":[2,3]}'],
    },
  ],
  output: ({ elements }) => {
    // Here, and not when it opens: on its way to the worker such a number would become null.
    for (const [i, element] of elements.entries()) refuseUnspeakable(element, i);
    return { form: 'row', fields: fieldsOf(elements.map(rowOf)) };
  },
  open: async ({ elements }, context) => new CreateSource(elements, context),
});

class CreateSource implements Source {
  /** This worker's share. */
  readonly #rows: string[];
  readonly #path: string;
  #next: number;
  /** Offset of the next row among all of them, so that each can be named. */
  #offset = 0;

  constructor(elements: readonly unknown[], { stage, worker, restored }: StageContext) {
    this.#rows = rowsOf(elements).filter((_, i) => i % worker.count === worker.index);
    this.#path = stage;
    this.#next = 0;
    if (typeof restored === 'number') for (let i = 0; i < restored; i++) this.#take();
  }

  async read(): Promise<Batch | 'end'> {
    if (this.#next >= this.#rows.length) return 'end';
    const offset = this.#offset;
    const payloads: string[] = [];
    while (this.#next < this.#rows.length && this.#offset - offset < BATCH_BYTES) payloads.push(this.#take());
    return batchOf(payloads, { origin: { path: this.#path, offset } });
  }

  watermark(): number {
    return this.#next < this.#rows.length ? BEGINNING_OF_TIME : END_OF_TIME;
  }

  snapshot(): Json {
    return this.#next;
  }

  async close(): Promise<void> {}

  #take(): string {
    const row = this.#rows[this.#next++] ?? '';
    this.#offset += Buffer.byteLength(row);
    return row;
  }
}

/** The elements as JSON objects that all have the same fields, in the order they were first met. */
function rowsOf(elements: readonly unknown[]): string[] {
  const rows = elements.map(rowOf);
  const fields = fieldsOf(rows);
  return rows.map(row => {
    const values = fields.map(field => {
      const value = Object.hasOwn(row, field) ? row[field] : null;
      return `${JSON.stringify(field)}:${stringifyExact(value)}`;
    });
    return `{${values.join(',')}}`;
  });
}

const rowOf = (element: unknown): Record<string, unknown> => (isMapping(element) ? element : { element });

/** The fields that any of the rows has. */
const fieldsOf = (rows: readonly object[]): string[] => [...new Set(rows.flatMap(row => Object.keys(row)))];

/** YAML has numbers that JSON has not. */
function refuseUnspeakable(value: unknown, index: number): void {
  if (typeof value === 'number' && !Number.isFinite(value))
    throw new SluiceError(
      'PIPELINE_INVALID',
      `Create: element ${index + 1} holds ${value}, which JSON cannot express`,
    );
  if (typeof value === 'object' && value !== null)
    for (const each of Object.values(value)) refuseUnspeakable(each, index);
}

const isMapping = (value: unknown): value is Record<string, unknown> =>
  typeof value === 'object' && value !== null && !Array.isArray(value);
