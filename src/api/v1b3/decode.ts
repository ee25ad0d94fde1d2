/**
 * Brings what clients of Dataflow send into the form that the schemas describe: enums come as names or numbers, fields
 * also by their names in the protocol (`launch_parameter`), numbers and truths as texts, and what is empty is unset.
 */

/** As much of a JSON Schema as tells how to read a value. */
interface Shape {
  type?: string;
  /** Names in the order of their numbers. */
  enum?: readonly string[];
  properties?: Readonly<Record<string, Shape>>;
  additionalProperties?: Shape | boolean;
  items?: Shape;
}

/** The value as its schema describes it; what cannot be read stays as it is, for the validation to refuse. */
export function decode(shape: Shape, value: unknown): unknown {
  if (value === null) return undefined;
  if (shape.enum) return decodeEnum(shape.enum, value);
  switch (shape.type) {
    case 'boolean':
      return decodeBoolean(value);
    case 'integer':
    case 'number':
      return decodeNumber(value);
    case 'array':
      return Array.isArray(value) && shape.items ? value.map(each => decode(shape.items ?? {}, each)) : value;
    case 'object':
      return isObject(value) ? decodeObject(shape, value) : value;
    default:
      return value;
  }
}

function decodeEnum(names: readonly string[], value: unknown): unknown {
  if (value === '') return undefined;
  const isNumber = typeof value === 'number' || (typeof value === 'string' && /^\d{1,9}$/.test(value));
  return isNumber ? (names[Number(value)] ?? value) : value;
}

function decodeBoolean(value: unknown): unknown {
  if (typeof value !== 'string') return value;
  if (value === '') return undefined;
  const text = value.toLowerCase();
  if (text === 'true' || text === '1') return true;
  return text === 'false' || text === '0' ? false : value;
}

function decodeNumber(value: unknown): unknown {
  if (value === '') return undefined;
  return typeof value === 'string' && /^-?\d+(?:\.\d+)?$/.test(value) ? Number(value) : value;
}

function decodeObject(shape: Shape, value: object): object | undefined {
  const { properties, additionalProperties } = shape;
  const entries = Object.entries(value);
  // The keys of a map are the user's own, and an empty map means that nothing was said.
  if (!properties) {
    if (entries.length === 0) return undefined;
    const item = typeof additionalProperties === 'object' ? additionalProperties : {};
    return Object.fromEntries(entries.map(([key, each]) => [key, decode(item, each)]));
  }
  return Object.fromEntries(
    entries
      .map(([key, each]): [string, unknown] => {
        const name = nameOf(key, properties);
        const known = Object.hasOwn(properties, name) ? properties[name] : undefined;
        return [name, known ? decode(known, each) : each];
      })
      .filter(([, each]) => each !== undefined),
  );
}

/** `job_name` is `jobName`, `dynamic_template.gcs_path` is `dynamicTemplate.gcsPath`. */
function nameOf(key: string, properties: Readonly<Record<string, Shape>>): string {
  if (Object.hasOwn(properties, key)) return key;
  const name = key.replaceAll(/_([a-z0-9])/g, (_, letter: string) => letter.toUpperCase());
  return Object.hasOwn(properties, name) ? name : key;
}

const isObject = (value: unknown): value is object =>
  typeof value === 'object' && value !== null && !Array.isArray(value);
