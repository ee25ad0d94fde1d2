/** Checks what a YAML file says against a schema, and tells each fault with its place. */
import { Ajv2020, type ErrorObject, type ValidateFunction } from 'ajv/dist/2020.js';
import { SluiceError, type Violation } from '../errors.ts';
import { parseYaml, placeOf } from '../pipeline/yaml.ts';
import { groupSchema, type ParameterGroup, type TemplateFile, templateSchema } from './meta-schema.ts';

const ajv = new Ajv2020({ allErrors: true, allowUnionTypes: true, strictTypes: false });
const compiled = new Map<object, ValidateFunction>();

/** The content of a template file; throws TEMPLATE_INVALID with every fault in it. */
export const parseTemplateFile = (text: string, file: string): TemplateFile =>
  parseChecked<TemplateFile>(text, file, templateSchema);

/** The content of a file of `templates/groups/`. */
export const parseGroupFile = (text: string, file: string): ParameterGroup =>
  parseChecked<ParameterGroup>(text, file, groupSchema);

/** The error of a template file: its message is the first fault, its violations are all. */
export function templateFault(faults: Violation[], cause?: unknown): SluiceError {
  const [first] = faults;
  const more = faults.length > 1 ? ` (and ${faults.length - 1} more)` : '';
  const message = `${first?.subject}: ${first?.message}${more}`;
  return new SluiceError('TEMPLATE_INVALID', message, { violations: faults.length > 1 ? faults : [], cause });
}

function parseChecked<T>(text: string, file: string, schema: object): T {
  const value = parseTemplateYaml(text, file);
  let validate = compiled.get(schema);
  if (!validate) {
    validate = ajv.compile(schema);
    compiled.set(schema, validate);
  }
  if (!validate(value)) throw templateFault(faultsOf(validate.errors ?? [], value, file));
  return value as T;
}

function parseTemplateYaml(text: string, file: string): object {
  try {
    const value = parseYaml(text, file);
    if (typeof value === 'object' && value !== null) return value;
  } catch (error) {
    if (!(error instanceof SluiceError)) throw error;
    throw new SluiceError('TEMPLATE_INVALID', error.message, { cause: error });
  }
  throw new SluiceError('TEMPLATE_INVALID', `${file}:1:1: the file holds no mapping`);
}

function faultsOf(errors: ErrorObject[], root: object, file: string): Violation[] {
  const faults: Violation[] = [];
  for (const error of errors) {
    // These only repeat what an error of their own says.
    if (error.keyword === 'if' || error.schemaPath.endsWith('/propertyNames/pattern')) continue;
    const { at, label } = locate(root, error.instancePath, extraKeyOf(error));
    const subject = at ?? `${file}:1:1`;
    const message = `${label ? `${label} ` : ''}${describeError(error)}`;
    if (!faults.some(fault => fault.subject === subject && fault.message === message))
      faults.push({ subject, message });
  }
  return faults;
}

/** A key that may not be there is the place of its fault. */
function extraKeyOf({ keyword, params }: ErrorObject): string | undefined {
  if (keyword === 'additionalProperties') return String(params.additionalProperty);
  if (keyword === 'propertyNames') return String(params.propertyName);
  return undefined;
}

function locate(root: object, path: string, key?: string): { at?: string; label: string } {
  const keys = path
    .split('/')
    .slice(1)
    .map(each => each.replaceAll('~1', '/').replaceAll('~0', '~'));
  if (key !== undefined) keys.push(key);
  let at = placeOf(root);
  let value: unknown = root;
  for (const each of keys) {
    if (typeof value !== 'object' || value === null) break;
    at = placeOf(value, each) ?? at;
    value = Reflect.get(value, each);
  }
  return { at, label: keys.join('.') };
}

function describeError({ keyword, params, message, instancePath }: ErrorObject): string {
  switch (keyword) {
    case 'additionalProperties':
      return 'is no key that is known here';
    case 'propertyNames':
      return 'is no name for a parameter';
    case 'required':
      return `lacks the key ${params.missingProperty}`;
    case 'enum':
      return `must be one of ${params.allowedValues.join(', ')}`;
    case 'const':
      return `must be ${params.allowedValue}`;
    case 'oneOf':
      return instancePath === '' ? 'needs either pipeline or pipelineFrom' : `${message}`;
    default:
      return `${message}`;
  }
}
