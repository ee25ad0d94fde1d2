/** The rules over several parameters (oneOf, dependentRequired, if/then …) in words. */
import type { Condition, ParametersSchema } from './meta-schema.ts';

/** `a`, `a with b`: the parameters of one branch, in words. */
export const branchWords = (required: readonly string[]): string => required.join(' with ');

/** `give exactly one of a, b`, as an instruction. */
export function choiceWords(
  keyword: 'oneOf' | 'anyOf',
  branches: readonly { required: readonly string[] }[],
): string {
  const names = branches.map(({ required }) => branchWords(required)).join(', ');
  return `give ${keyword === 'oneOf' ? 'exactly' : 'at least'} one of ${names}`;
}

/** `sinkType is GCS`, `filterKey is given`: what an `if` asks. */
export function conditionWords(condition: Condition): string {
  const given = (condition.required ?? []).map(name => `${name} is given`);
  const values = Object.entries(condition.properties ?? {}).map(([name, { const: only, enum: several }]) =>
    several ? `${name} is one of ${several.join(', ')}` : `${name} is ${only}`,
  );
  return [...values, ...given].join(' and ');
}

/** Every rule of a template's parameters, one sentence each. */
export function ruleSentences(parameters: ParametersSchema): string[] {
  const { oneOf, anyOf, not, allOf = [], dependentRequired = {} } = parameters;
  const sentences: string[] = [];
  if (oneOf)
    sentences.push(`Give exactly one of ${oneOf.map(each => branchWords(each.required)).join(', ')}.`);
  if (anyOf)
    sentences.push(`Give at least one of ${anyOf.map(each => branchWords(each.required)).join(', ')}.`);
  if (not) sentences.push(`Do not give ${branchWords(not.required)}.`);
  for (const rule of allOf) {
    const when = conditionWords(rule.if);
    sentences.push(`If ${when}, ${rule.then.required.join(', ')} must be given.`);
    if (rule.else) sentences.push(`Unless ${when}, ${rule.else.required.join(', ')} must be given.`);
  }
  for (const [name, needed] of Object.entries(dependentRequired))
    sentences.push(`If ${name} is given, ${needed.join(', ')} must be given.`);
  return sentences;
}

/** The names of all parameters that the rules and `required` speak of. */
export function namesIn(parameters: ParametersSchema): Set<string> {
  const { required = [], oneOf = [], anyOf = [], not, allOf = [], dependentRequired = {} } = parameters;
  const conditions = allOf.flatMap(rule => [
    ...(rule.if.required ?? []),
    ...Object.keys(rule.if.properties ?? {}),
    ...rule.then.required,
    ...(rule.else?.required ?? []),
  ]);
  return new Set([
    ...required,
    ...[...oneOf, ...anyOf, ...(not ? [not] : [])].flatMap(each => each.required),
    ...conditions,
    ...Object.entries(dependentRequired).flatMap(([name, needed]) => [name, ...needed]),
  ]);
}
