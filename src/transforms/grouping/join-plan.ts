/**
 * What a Join has to do: its inputs are joined one after the other, each with what those before it gave, on the fields
 * that must be equal. As in Beam, the kind of each step comes from `type` and from which of two neighbours is outer.
 */
import { SluiceError } from '../../errors.ts';

export interface JoinConfig {
  equalities: string | { [input: string]: string }[];
  type: 'inner' | 'left' | 'right' | 'outer' | { outer: string[] };
  fields?: { [input: string]: string[] | { [name: string]: string } };
}

/** Joins input `right` to those before it. */
export interface JoinStep {
  right: number;
  /** A field of an earlier input, and the one of the right input that equals it. */
  equalities: { left: { input: number; field: string }; right: string }[];
  keepsLeft: boolean;
  keepsRight: boolean;
}

export interface JoinPlan {
  steps: JoinStep[];
  /** In the order of the output; without a list all fields of the input. */
  outputs: { input: number; fields?: [name: string, field: string][] }[];
}

const MAX_INPUTS = 8;

/** @throws SluiceError PIPELINE_INVALID which says what is wrong */
export function planJoin(config: JoinConfig, inputs: readonly string[]): JoinPlan {
  if (inputs.length < 2 || inputs.length > MAX_INPUTS)
    refuse(`Join takes 2 to ${MAX_INPUTS} inputs, not ${inputs.length}`);
  const twice = inputs.find((name, i) => inputs.indexOf(name) < i);
  if (twice !== undefined) refuse(`the input ${twice} is given twice`);
  return { steps: planSteps(config, inputs), outputs: planOutputs(config, inputs) };
}

function planSteps({ equalities, type }: JoinConfig, inputs: readonly string[]): JoinStep[] {
  const outer = typeof type === 'object' ? type.outer : [];
  for (const name of outer) indexOf(name, inputs, 'type');
  const pairs = pairsOf(equalities, inputs);
  return inputs.slice(1).map((name, i) => {
    const right = i + 1;
    const own = pairs.filter(pair => pair.right.input === right);
    if (own.length === 0)
      refuse(
        `equalities: nothing of ${name} equals a field of an input before it: order the inputs so that it does`,
      );
    return {
      right,
      equalities: own.map(pair => ({ left: pair.left, right: pair.right.field })),
      ...kindOf(type, outer, inputs[i] ?? '', name),
    };
  });
}

function kindOf(
  type: JoinConfig['type'],
  outer: readonly string[],
  left: string,
  right: string,
): Pick<JoinStep, 'keepsLeft' | 'keepsRight'> {
  if (typeof type === 'object') return { keepsLeft: outer.includes(left), keepsRight: outer.includes(right) };
  return { keepsLeft: type === 'left' || type === 'outer', keepsRight: type === 'right' || type === 'outer' };
}

interface Column {
  input: number;
  field: string;
}

/** Each equality as pairs of its first input with the others; the later input of a pair is the right one. */
function pairsOf(
  equalities: JoinConfig['equalities'],
  inputs: readonly string[],
): { left: Column; right: Column }[] {
  if (typeof equalities === 'string') {
    const [left, ...others] = inputs.map((_, input) => ({ input, field: equalities }));
    return left ? others.map(right => ({ left, right })) : [];
  }
  return equalities.flatMap(equality => {
    const columns = Object.entries(equality).map(([name, field]) => ({
      input: indexOf(name, inputs, 'equalities'),
      field,
    }));
    const [first, ...others] = columns;
    return first
      ? others.map(other =>
          other.input > first.input ? { left: first, right: other } : { left: other, right: first },
        )
      : [];
  });
}

/** The inputs of `fields` in its order, then the others. */
function planOutputs({ fields = {} }: JoinConfig, inputs: readonly string[]): JoinPlan['outputs'] {
  const taken = new Set<string>();
  const chosen = Object.entries(fields).map(([name, written]) => {
    const pairs = Array.isArray(written)
      ? written.map((field): [string, string] => [field, field])
      : Object.entries(written);
    for (const [output] of pairs) {
      if (taken.has(output)) refuse(`fields: ${output} is there twice: rename one, by {new_name: field}`);
      if (output === '__proto__') refuse('__proto__ cannot be the name of a field');
      taken.add(output);
    }
    return { input: indexOf(name, inputs, 'fields'), fields: pairs };
  });
  const others = inputs.flatMap((_, input) => (chosen.some(each => each.input === input) ? [] : { input }));
  return [...chosen, ...others];
}

function indexOf(name: string, inputs: readonly string[], subject: string): number {
  const index = inputs.indexOf(name);
  return index >= 0 ? index : refuse(`${subject}: ${name} is no input: there is ${inputs.join(', ')}`);
}

function refuse(why: string): never {
  throw new SluiceError('PIPELINE_INVALID', why);
}
