/** The operations that a server says it has, and arbitrary calls of them: nearly right ones, and wild ones. */
import fc from 'fast-check';
import type { RawRequest } from './raw-client.ts';

export interface Described {
  id: string;
  method: string;
  path: string;
  query: string[];
  bodyType?: string;
  bodySchema?: Schema;
}

interface Schema {
  type?: string | string[];
  properties?: Record<string, Schema>;
  additionalProperties?: boolean | Schema;
  items?: Schema;
  enum?: unknown[];
}

interface Document {
  paths: Record<
    string,
    Record<
      string,
      {
        operationId: string;
        parameters?: { name: string; in: string }[];
        requestBody?: { content: Record<string, { schema?: Schema }> };
      }
    >
  >;
}

export const operationsOf = ({ paths }: Document): Described[] =>
  Object.entries(paths).flatMap(([path, methods]) =>
    Object.entries(methods).map(([method, { operationId: id, parameters = [], requestBody }]) => {
      const [bodyType, content] = Object.entries(requestBody?.content ?? {})[0] ?? [];
      const query = parameters.filter(each => each.in === 'query').map(({ name }) => name);
      return { id, method: method.toUpperCase(), path, query, bodyType, bodySchema: content?.schema };
    }),
  );

const nasty = fc.constantFrom(
  '',
  ' ',
  '.',
  '..',
  '../../etc/passwd',
  '/etc/passwd',
  'gs://bucket/../x',
  'gs://bucket/x',
  'udf://filter',
  'udf://../x',
  'local',
  'us-central1',
  '-',
  '__proto__',
  'constructor',
  'toString',
  '{{constructor}}',
  '{% for x in y %}',
  '\u0000',
  '\u001b[31mred',
  'a\nb\rc',
  '<script>alert(1)</script>',
  "'; DROP TABLE jobs; --",
  '\u202eright to left',
  '\ud83d\ude00',
  'x'.repeat(5000),
  '0',
  '-1',
  '1e308',
  '9007199254740993',
  'NaN',
  'true',
  'null',
  '[]',
  'JOB_STATE_CANCELLED',
  'JOB_VIEW_ALL',
  'GCS_Text_to_GCS_Text',
  'Word_Count',
  'Yaml_Template',
  '2026-01-01T00:00:00Z',
  '2026-11-20_06_58_41-4817263549102',
);
const text = fc.oneof(
  { weight: 3, arbitrary: nasty },
  { weight: 1, arbitrary: fc.string({ unit: 'binary', maxLength: 60 }) },
);

/** A value that fits a schema here and there. */
function valueFor(schema: Schema | undefined, depth = 0): fc.Arbitrary<unknown> {
  const wild = fc.oneof(
    text,
    fc.integer(),
    fc.double(),
    fc.boolean(),
    fc.constant(null),
    fc.jsonValue({ maxDepth: 3 }),
  );
  if (!schema || depth > 5) return wild;
  return fc.oneof({ weight: 9, arbitrary: fitting(schema, depth) }, { weight: 1, arbitrary: wild });
}

function fitting(schema: Schema, depth: number): fc.Arbitrary<unknown> {
  const { type, properties = {}, items, additionalProperties } = schema;
  if (schema.enum) return fc.constantFrom(...schema.enum);
  if (type === 'integer') return fc.oneof(fc.integer(), fc.constantFrom(0, 1, 2 ** 53, -1));
  if (type === 'number') return fc.double();
  if (type === 'boolean') return fc.boolean();
  if (type === 'array') return fc.array(valueFor(items, depth + 1), { maxLength: 4 });
  if (type === 'object' || Object.keys(properties).length > 0) {
    const known = fc.record(
      Object.fromEntries(Object.entries(properties).map(([name, each]) => [name, valueFor(each, depth + 1)])),
      { requiredKeys: [] },
    );
    const more = typeof additionalProperties === 'object' ? additionalProperties : undefined;
    const others = fc.dictionary(text, valueFor(more, depth + 1), { maxKeys: more ? 3 : 1 });
    return fc.tuple(known, others).map(([some, rest]) => ({ ...rest, ...some }));
  }
  return text;
}

/** A call of an operation, as one that wants to break it might make it. */
export function callOf({ method, path, query, bodyType, bodySchema }: Described): fc.Arbitrary<RawRequest> {
  const names = [...path.matchAll(/\{(\w+)\}/g)];
  const values = fc.tuple(...names.map(() => text));
  const pairs = fc.array(fc.tuple(fc.oneof(fc.constantFrom(...query, 'x'), text), text), { maxLength: 4 });
  const body = fc.oneof(
    { weight: 6, arbitrary: valueFor(bodySchema).map(value => JSON.stringify(value)) },
    { weight: 1, arbitrary: fc.jsonValue().map(value => JSON.stringify(value)) },
    { weight: 1, arbitrary: text },
  );
  return fc.record({ values, pairs, body, cut: fc.integer({ min: 0, max: 20 }) }).map(given => {
    let i = 0;
    const filled = path.replaceAll(/\{\w+\}/g, () => encodeURIComponent(given.values[i++] ?? ''));
    const asked = given.pairs.map(pair => pair.map(encodeURIComponent).join('=')).join('&');
    const isSent = bodyType !== undefined;
    return {
      method,
      path: asked ? `${filled}?${asked}` : filled,
      ...(isSent && {
        headers: { 'content-type': bodyType },
        body: given.cut === 0 ? given.body.slice(0, -1) : given.body,
      }),
    };
  });
}
