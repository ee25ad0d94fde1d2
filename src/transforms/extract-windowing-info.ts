/** ExtractWindowingInfo: adds an element's time and window to its fields. */
import { type Batch, columnsAt } from '../engine/batch.ts';
import { defineTransform, type ElementType, type Windowing } from '../engine/component.ts';
import { type Window, windowsOf } from '../engine/time.ts';
import { SluiceError } from '../errors.ts';
import { type Row, type RowValue, rowBatch, rowsOf } from '../formats/rows.ts';
import { Failures } from './expressions/failures.ts';
import { ElementFault } from './expressions/fault.ts';
import { checkFieldNames, fieldsOf, rowOf } from './expressions/fields.ts';

/** The ends of Beam's time, in seconds: what has no time, and the window of what is not windowed. */
const BEGINNING = -9_223_372_036_854.775;
const END_OF_GLOBAL_WINDOW = 9_223_371_950_454.775;

/** One element in one of its windows. */
interface Place {
  /** Ms; NaN: none. */
  time: number;
  window: Window;
}

const VALUES = {
  timestamp: ({ time }: Place) => (Number.isNaN(time) ? BEGINNING : time / 1000),
  window_start: ({ window }: Place) => (isGlobal(window) ? BEGINNING : window.start / 1000),
  window_end: ({ window }: Place) => (isGlobal(window) ? END_OF_GLOBAL_WINDOW : window.end / 1000),
  window_string: ({ window }: Place) =>
    isGlobal(window) ? 'GlobalWindow' : `[${decimal(window.start / 1000)}, ${decimal(window.end / 1000)})`,
  window_type: ({ window }: Place) => (isGlobal(window) ? 'GlobalWindow' : 'IntervalWindow'),
  pane_info: () => ({ is_first: true, is_last: true, timing: 'UNKNOWN', index: 0, nonspeculative_index: 0 }),
} satisfies Record<string, (place: Place) => RowValue>;

type Value = keyof typeof VALUES;
const NAMES = [
  'timestamp',
  'window_start',
  'window_end',
  'window_string',
  'window_type',
  'pane_info',
] as const;
const STANDARD: Value[] = ['timestamp', 'window_start', 'window_end'];

export const extractWindowingInfo = defineTransform({
  name: 'ExtractWindowingInfo',
  summary: 'Adds the event time and the window of each element to its fields.',
  description:
    'Times are seconds since 1970. There is `timestamp`, `window_start`, `window_end`, `window_string` such as ' +
    '`[0.0, 10.0)`, `window_type` (`GlobalWindow` or `IntervalWindow`) and `pane_info`. An element in several sliding ' +
    'windows gives a row for each of them. What has no event time has the earliest there is, as in Beam.',
  config: {
    type: 'object',
    properties: {
      fields: {
        anyOf: [
          { type: 'array', items: { enum: NAMES } },
          { type: 'object', additionalProperties: { enum: NAMES } },
        ],
        description:
          'What to add: a list, or a mapping of the names of new fields to what they hold. Default: ' +
          '`timestamp`, `window_start` and `window_end`.',
      },
    },
  },
  examples: [
    {
      title: 'The window of each element',
      yaml: `
pipeline:
  type: chain
  transforms:
    - type: Create
      config: {elements: [{at: 3}, {at: 12.5}]}
    - type: AssignTimestamps
      config: {timestamp: at}
    - type: ExtractWindowingInfo
      windowing: {type: fixed, size: 10s}
      config: {fields: {window: window_string, end: window_end}}
`,
      output: ['{"at":3,"window":"[0.0, 10.0)","end":10}', '{"at":12.5,"window":"[10.0, 20.0)","end":20}'],
    },
  ],
  output(input: ElementType, { fields }) {
    const names = namesOf(fields).map(([name]) => name);
    checkFieldNames(names);
    const known = fieldsOf(input);
    const taken = known?.find(name => names.includes(name));
    if (taken !== undefined)
      throw new SluiceError('PIPELINE_INVALID', `the input has a field ${taken} already`);
    return rowOf(known && [...known, ...names]);
  },
  open: async ({ fields }, { stage, input = { form: 'row' }, windowing }) => {
    const names = namesOf(fields);
    return {
      process(batch) {
        const failures = new Failures(stage);
        const made: Row[] = [];
        const indices: number[] = [];
        const windows: number[] = [];
        let created = 0;
        for (const [i, row] of rowsOf(batch, input).entries()) {
          const taken = names.find(([name]) => Object.hasOwn(row, name));
          if (taken) {
            failures.note(i, new ElementFault('FIELD_EXISTS', `the row has a field ${taken[0]} already`));
            continue;
          }
          const places = placesOf(batch, i, windowing);
          created += places.length - 1;
          for (const place of places) {
            const values = names.map(([name, value]) => [name, VALUES[value](place)]);
            made.push({ ...row, ...Object.fromEntries(values) });
            indices.push(i);
            windows.push(place.window.start, place.window.end);
          }
        }
        if (made.length === 0) return { good: [], ...failures.outcome(batch) };
        // In several windows at once, an element is from here on in the one its row tells of.
        const columns = {
          ...columnsAt(indices, batch),
          ...(created > 0 && { windows: Float64Array.from(windows) }),
        };
        return { good: [rowBatch(made, columns)], created, ...failures.outcome(batch) };
      },
    };
  },
});

type Fields = readonly Value[] | { [name: string]: Value };

const namesOf = (fields: Fields = STANDARD): [name: string, value: Value][] =>
  isList(fields) ? fields.map(value => [value, value]) : Object.entries(fields);

const isList = (fields: Fields): fields is readonly Value[] => Array.isArray(fields);

function placesOf({ times, windows }: Batch, index: number, windowing: Windowing): Place[] {
  const time = times?.[index] ?? Number.NaN;
  if (!windows) return windowsOf(time, windowing).map(window => ({ time, window }));
  return [{ time, window: { start: windows[2 * index] ?? time, end: windows[2 * index + 1] ?? time } }];
}

const isGlobal = ({ end }: Window): boolean => end === Number.POSITIVE_INFINITY;

/** As Beam writes a number that may be whole. */
const decimal = (value: number): string => (Number.isInteger(value) ? `${value}.0` : String(value));
