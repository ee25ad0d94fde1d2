/** A join at work: for each step a grouping by what must be equal, whose results go to the next step, or out. */
import type { Json, StageContext } from '../../engine/component.ts';
import type { Window } from '../../engine/time.ts';
import type { Row, RowValue } from '../../formats/rows.ts';
import { accumulators } from './accumulators.ts';
import { type Closed, Grouping } from './grouping.ts';
import type { JoinPlan, JoinStep } from './join-plan.ts';
import { keyOfValues } from './keys.ts';

/** The rows that have been joined so far, by input; null: there is none. */
type Joined = (Row | null)[];

type Snapshot = { steps: Json[]; fields: string[][] };

/** Keys of what equals nothing: no key of values begins so. */
const UNEQUAL_LEFT = '!left';
const UNEQUAL_RIGHT = '!right';

export class JoinSteps {
  readonly #plan: JoinPlan;
  readonly #groupings: Grouping[];
  /** The fields that rows of each input were seen to have. */
  readonly #fields: Set<string>[];
  #columns: { name: string; input: number; field: string }[] | undefined;

  constructor(plan: JoinPlan, context: StageContext) {
    const restored = (context.restored ?? undefined) as Snapshot | undefined;
    const { group } = accumulators;
    const { stage, keptAs } = context;
    this.#plan = plan;
    this.#groupings = plan.steps.map(
      (_, i) =>
        new Grouping(
          { accumulators: group ? [group, group] : [], amends: false },
          {
            ...context,
            stage: `${stage}[${i}]`,
            keptAs: { ...keptAs, stage: `${keptAs.stage}[${i}]` },
            restored: restored?.steps[i],
          },
        ),
    );
    this.#fields = context.inputs.map(({ type }, i) => {
      const known = type.form === 'text' ? [type.field] : type.form === 'failure' ? FAILURE_FIELDS : [];
      return new Set(restored?.fields[i] ?? known);
    });
  }

  isLate(window: Window): boolean {
    return this.#groupings[0]?.isLate(window) ?? false;
  }

  add(window: Window, input: number, row: Row): void {
    this.#noteFields(input, row);
    if (input === 0) this.#addLeft(0, window, [row]);
    else this.#addRight(input - 1, window, row);
  }

  *advance(watermark: number): Generator<{ window: Window; row: Row }> {
    for (const [i, grouping] of this.#groupings.entries()) {
      const step = this.#plan.steps[i];
      const isLast = i === this.#groupings.length - 1;
      for (const closed of grouping.advance(watermark)) {
        for (const joined of step ? joinedBy(step, closed) : []) {
          if (isLast) yield { window: closed.window, row: this.#rowOf(joined) };
          else this.#addLeft(i + 1, closed.window, joined);
        }
      }
    }
  }

  async snapshot(): Promise<Json> {
    const steps: Json[] = [];
    for (const grouping of this.#groupings) steps.push(await grouping.snapshot());
    const snapshot: Snapshot = { steps, fields: this.#fields.map(each => [...each]) };
    return snapshot;
  }

  async commit(): Promise<void> {
    for (const grouping of this.#groupings) await grouping.commit();
  }

  async close(ended?: boolean): Promise<void> {
    for (const grouping of this.#groupings) await grouping.close(ended);
  }

  #addLeft(index: number, window: Window, joined: Joined): void {
    const step = this.#plan.steps[index];
    if (!step) return;
    const values = step.equalities.map(({ left }) => fieldOf(joined[left.input] ?? null, left.field));
    const isUnequal = values.includes(null);
    if (isUnequal && !step.keepsLeft) return;
    const key = isUnequal ? UNEQUAL_LEFT : keyOfValues(values);
    this.#groupings[index]?.add(window, key, [joined, undefined]);
  }

  #addRight(index: number, window: Window, row: Row): void {
    const step = this.#plan.steps[index];
    if (!step) return;
    const values = step.equalities.map(({ right }) => fieldOf(row, right));
    const isUnequal = values.includes(null);
    if (isUnequal && !step.keepsRight) return;
    const key = isUnequal ? UNEQUAL_RIGHT : keyOfValues(values);
    this.#groupings[index]?.add(window, key, [undefined, row]);
  }

  #noteFields(input: number, row: Row): void {
    const fields = this.#fields[input];
    for (const name of Object.keys(row)) {
      if (!fields || fields.has(name)) continue;
      fields.add(name);
      this.#columns = undefined;
    }
  }

  #rowOf(joined: Joined): Row {
    this.#columns ??= this.#nameColumns();
    const row: Row = {};
    for (const { name, input, field } of this.#columns) row[name] = fieldOf(joined[input] ?? null, field);
    return row;
  }

  /** A name that is taken gets a number, as in Beam's SQL. */
  #nameColumns(): { name: string; input: number; field: string }[] {
    const columns: { name: string; input: number; field: string }[] = [];
    const taken = new Set<string>();
    for (const { input, fields } of this.#plan.outputs) {
      const all = [...(this.#fields[input] ?? [])].filter(field => field !== '__proto__');
      for (const [wanted, field] of fields ?? all.map((each): [string, string] => [each, each])) {
        let name = wanted;
        for (let n = 0; taken.has(name); n++) name = `${wanted}${n}`;
        taken.add(name);
        columns.push({ name, input, field });
      }
    }
    return columns;
  }
}

const FAILURE_FIELDS = ['element', 'msg', 'stack'];

function* joinedBy({ right, keepsLeft, keepsRight }: JoinStep, { states }: Closed): Generator<Joined> {
  const lefts = listOf(states[0]) as Joined[];
  const rights = listOf(states[1]) as Row[];
  if (rights.length === 0 && keepsLeft) for (const left of lefts) yield [...left, null];
  if (lefts.length === 0 && keepsRight)
    for (const row of rights) yield [...Array<null>(right).fill(null), row];
  for (const left of lefts) for (const row of rights) yield [...left, row];
}

const listOf = (state: RowValue | undefined): RowValue[] => (Array.isArray(state) ? state : []);

const fieldOf = (row: Row | null, field: string): RowValue =>
  row && Object.hasOwn(row, field) ? (row[field] ?? null) : null;
