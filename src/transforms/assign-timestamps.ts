/** AssignTimestamps: sets the event time of each element. */
import { defineTransform, type ElementType } from '../engine/component.ts';
import { type RowValue, retimed, selectRows } from '../formats/rows.ts';
import { ElementFault } from './expressions/fault.ts';
import {
  expressionSchema,
  type Language,
  languageSchema,
  scriptPaths,
  type Written,
} from './expressions/language.ts';
import { checkValue, openValue, type ValueExpression } from './expressions/value.ts';

/** The ends of Beam's time, ms. */
const MAX_MS = 9_223_372_036_854.775 * 1000;

export const assignTimestamps = defineTransform({
  name: 'AssignTimestamps',
  summary: 'Sets the event time of each element.',
  description:
    'A number is seconds since 1970, fractions included; text is RFC 3339, such as `2024-05-01T12:00:00Z`, or a date ' +
    'alone, which is its midnight in UTC. The elements are windowed anew by the windowing in force. What is older ' +
    'than the watermark then counts as late.',
  config: {
    type: 'object',
    required: ['timestamp'],
    properties: {
      timestamp: { ...expressionSchema, description: 'The time: a field or an expression, no comparison.' },
      language: languageSchema,
    },
  },
  examples: [
    {
      title: 'The time stands in a field',
      yaml: `
pipeline:
  type: chain
  transforms:
    - type: Create
      config: {elements: [{user: ada, at: 3}, {user: bob, at: "1970-01-01T00:01:00Z"}]}
    - type: AssignTimestamps
      config: {timestamp: at}
    - type: ExtractWindowingInfo
      config: {fields: [timestamp]}
`,
      output: [
        '{"user":"ada","at":3,"timestamp":3}',
        '{"user":"bob","at":"1970-01-01T00:01:00Z","timestamp":60}',
      ],
    },
  ],
  output(input: ElementType, config) {
    checkValue(expressionOf(config), input);
    return input;
  },
  reach: config => ({ reads: scriptPaths(config) }),
  open: async (config, context) =>
    openValue(expressionOf(config), context, (batch, values, failures) => {
      const times: number[] = [];
      const indices: number[] = [];
      for (const [i, value] of values.entries()) {
        if (value === undefined) continue;
        try {
          times.push(timeOf(value));
          indices.push(i);
        } catch (fault) {
          failures.note(i, fault);
        }
      }
      if (indices.length === 0) return { good: [], ...failures.outcome(batch) };
      const kept = indices.length === batch.count ? batch : selectRows(batch, indices);
      return { good: [retimed(kept, { times: Float64Array.from(times) })], ...failures.outcome(batch) };
    }),
});

const expressionOf = ({
  timestamp,
  language,
}: {
  timestamp: Written;
  language: Language;
}): ValueExpression => ({
  written: timestamp,
  language,
  subject: 'timestamp',
  allowsComparison: false,
});

/** Ms since the epoch, to the microsecond, which is what Beam keeps. */
function timeOf(value: RowValue): number {
  const ms =
    typeof value === 'number' || typeof value === 'bigint'
      ? Math.round(Number(value) * 1e6) / 1e3
      : typeof value === 'string'
        ? readTime(value)
        : Number.NaN;
  if (ms >= -MAX_MS && ms <= MAX_MS) return ms;
  throw new ElementFault(
    'TIMESTAMP_INVALID',
    `timestamp: ${shown(value)} is no time: give seconds or RFC 3339`,
  );
}

const RFC_3339 = /^(\d{4}-\d\d-\d\d)(?:[Tt ](\d\d:\d\d:\d\d)(\.\d+)?([Zz]|[+-]\d\d:\d\d))?$/;

function readTime(text: string): number {
  const [, day = '', time = '00:00:00', fraction = '', zone = 'Z'] = RFC_3339.exec(text.trim()) ?? [];
  const seconds = Date.parse(`${day}T${time}${zone.toUpperCase()}`);
  // Date.parse takes February 30 for March 1.
  const isDay = !Number.isNaN(Date.parse(day)) && new Date(`${day}T00:00:00Z`).toISOString().startsWith(day);
  return isDay ? seconds + Math.round(Number(`0${fraction}`) * 1e6) / 1e3 : Number.NaN;
}

function shown(value: RowValue): string {
  if (typeof value === 'string') return JSON.stringify(value.slice(0, 100));
  if (typeof value === 'object' && value !== null) return Array.isArray(value) ? 'a list' : 'a mapping';
  return String(value);
}
