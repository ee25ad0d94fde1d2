/** The parameters of a template as the fields of a form, in their groups. */
import type { ParameterDescription, TemplateDescription } from '../catalog/describe.ts';
import type { Violation } from '../errors.ts';
import { settingOf } from './launch-settings.ts';

export interface Field {
  /** Of the form: `p.` and the name of the parameter. */
  name: string;
  parameter: string;
  title: string;
  description: string;
  kind: string;
  control: 'input' | 'textarea' | 'select' | 'checkbox' | 'password';
  /** The keyboard of telephones. */
  inputMode?: 'decimal';
  /** What is suggested while typing. */
  suggestions: readonly string[];
  value: string;
  isChecked: boolean;
  isRequired: boolean;
  /** In words, of what is required only then. */
  requiredWhen?: string;
  /** That does not hold, and nothing was given. */
  waits: boolean;
  placeholder: string;
  examples: string[];
  options: { value: string; text: string; isSelected: boolean }[];
  fault?: string;
}

export interface FieldGroup {
  name: string;
  fields: Field[];
  /** What may stay as it is: folded, unless something in it was given or is wrong. */
  more: Field[];
  isOpen: boolean;
}

/** The names that form fields of parameters begin with. */
export const PREFIX = 'p.';

/** The parameters that a form gave, by name; what was left as it is by default is not among them. */
export function parametersIn(
  form: Readonly<Record<string, string>>,
  { parameters }: Pick<TemplateDescription, 'parameters'>,
): Record<string, string> {
  const given = othersIn(form[OTHERS] ?? '');
  for (const { name, default: usual } of parameters) {
    const value = form[PREFIX + name];
    if (value === undefined || value === '' || value === textOf(usual)) continue;
    if (value === 'false' && usual === undefined) continue;
    given[name] = value;
  }
  return given;
}

/** The field of what a program takes beside its parameters, where its spec names none: `name=value`, a line each. */
const OTHERS = 'others';

function othersIn(text: string): Record<string, string> {
  const lines = text.split(/\r?\n/).filter(line => line.trim() !== '');
  return Object.fromEntries(
    lines.map(line => {
      const [name = '', ...value] = line.split('=');
      return [name.trim(), value.join('=')];
    }),
  );
}

/** The lines of that field. */
export const othersOf = (
  { parameters }: Pick<TemplateDescription, 'parameters'>,
  values: Readonly<Record<string, string>>,
): string =>
  Object.entries(values)
    .filter(([name]) => !parameters.some(each => each.name === name))
    .map(pair => pair.join('='))
    .join('\n');

export interface FormState {
  /** By parameter. */
  values: Readonly<Record<string, string>>;
  violations: readonly Violation[];
  /** Whether what is missing is told: not before the user says that the form is filled in. */
  isComplete: boolean;
  /** What was given before, by parameter. */
  suggestions: Readonly<Record<string, readonly string[]>>;
}

/** The groups in the order of the template, each with what it requires first. */
export function groupsOf({ parameters, rules }: TemplateDescription, state: FormState): FieldGroup[] {
  const groups = new Map<string, FieldGroup>();
  const inRules = new Set(parameters.filter(({ name }) => rules.some(rule => isNamedIn(name, rule))));
  for (const parameter of parameters) {
    const name = parameter.group ?? 'Other';
    const group = groups.get(name) ?? { name, fields: [], more: [], isOpen: false };
    groups.set(name, group);
    const field = fieldOf(parameter, state);
    const isShown =
      field.isRequired || field.fault !== undefined || inRules.has(parameter) || isFunction(parameter);
    (isShown ? group.fields : group.more).push(field);
    if (!isShown && field.value !== '' && field.value !== textOf(parameter.default)) group.isOpen = true;
  }
  return [...groups.values()].sort((a, b) => rankOf(a) - rankOf(b));
}

/** What is read comes first, and last what may stay as it is. */
const rankOf = ({ name, fields }: FieldGroup): number => {
  if (fields.length === 0) return 2;
  return name === 'Source' ? 0 : 1;
};

/** Everything that is wrong, each with the id of the field it stands at, if it has one. */
export const faultsOf = ({ parameters }: TemplateDescription, violations: readonly Violation[]) =>
  violations.map(({ subject, message }) => {
    const parameter = parameters.find(({ name }) => name === subject);
    if (parameter) return { id: PREFIX + subject, title: parameter.title, message: atField(message) };
    const setting = settingOf(subject);
    return { ...(setting && { id: setting }), title: subject, message };
  });

/** Where the field stands its name need not be said. */
const atField = (message: string): string => (message.startsWith('must be given') ? 'is required' : message);

const isNamedIn = (name: string, rule: string): boolean => rule.split(/[^\w]+/).includes(name);

const isFunction = ({ kind }: ParameterDescription): boolean => kind.startsWith('javascript-');

function fieldOf(parameter: ParameterDescription, state: FormState): Field {
  const { values, violations, isComplete, suggestions } = state;
  const { name, title, description, kind, widget, required, requiredWhen, examples, secret } = parameter;
  const usual = textOf(parameter.default);
  const given = values[name];
  const value = secret ? '' : (given ?? '');
  const violation = violations.find(({ subject }) => subject === name);
  const fault = violation && atField(violation.message);
  const isMissing = given === undefined || given === '';
  return {
    name: PREFIX + name,
    parameter: name,
    title,
    description,
    kind,
    control: controlOf(parameter),
    ...(widget === 'number' && { inputMode: 'decimal' as const }),
    suggestions: secret ? [] : (suggestions[name] ?? []),
    value,
    isChecked: (given ?? usual) === 'true',
    isRequired: required,
    ...(requiredWhen !== undefined && { requiredWhen }),
    // While its condition holds, a violation says that it is missing.
    waits: requiredWhen !== undefined && usual === '' && isMissing && !violation,
    placeholder: usual === '' ? '' : `${usual} (default)`,
    examples: secret ? [] : examples.map(textOf).slice(0, 3),
    options: optionsOf(parameter, value),
    ...(fault !== undefined && (isComplete || !isMissing) && { fault }),
  };
}

function controlOf({ widget }: ParameterDescription): Field['control'] {
  if (widget === 'textarea' || widget === 'select' || widget === 'checkbox' || widget === 'password')
    return widget;
  return 'input';
}

function optionsOf(parameter: ParameterDescription, value: string): Field['options'] {
  const { enum: choices } = parameter;
  if (!choices) return [];
  const usual = textOf(parameter.default);
  const chosen = value === '' ? usual : value;
  const none = usual === '' ? [{ value: '', text: 'Choose …', isSelected: chosen === '' }] : [];
  return [
    ...none,
    ...choices.map(choice => ({
      value: choice,
      text: choice === usual ? `${choice} (default)` : choice,
      isSelected: choice === chosen,
    })),
  ];
}

const textOf = (value: unknown): string => {
  if (value === undefined) return '';
  return typeof value === 'object' ? JSON.stringify(value) : String(value);
};
