/** JSON as REST has it, and messages as protobuf has them: they differ in times, durations, masks and free values. */
import { SluiceError } from '../../errors.ts';
import { PACKAGE, type Protocol } from './protocol.ts';

type Fields = Record<string, unknown>;

interface WellKnown {
  toJson(message: Fields): unknown;
  toMessage(json: unknown): unknown;
}

export interface Converter {
  /** What a client sent, as REST would have sent it. @throws SluiceError REQUEST_INVALID */
  toJson(type: string, message: object): Fields;
  /** What is answered, as protobuf takes it. */
  toMessage(type: string, json: object): Fields;
}

/** Converts messages of the protocol, called by their full names. */
export function converterFor(protocol: Protocol): Converter {
  /** The fields of a message that are messages themselves, by name, with the types of those. */
  const known = new Map<string, ReadonlyMap<string, string>>();

  const messagesIn = (type: string): ReadonlyMap<string, string> => {
    const found = known.get(type) ?? new Map(fieldsOf(protocol, type));
    known.set(type, found);
    return found;
  };
  const walk = (type: string, value: object, direction: keyof WellKnown): Fields => {
    const inner = messagesIn(type);
    return Object.fromEntries(
      Object.entries(value).map(([name, each]) => {
        const its = inner.get(name);
        return [name, its === undefined ? each : convert(its, each, direction)];
      }),
    );
  };
  const convert = (type: string, value: unknown, direction: keyof WellKnown): unknown => {
    if (Array.isArray(value)) return value.map(each => convert(type, each, direction));
    const special = wellKnown[type];
    if (special) return special[direction](value as Fields);
    return typeof value === 'object' && value !== null ? walk(type, value, direction) : value;
  };
  return {
    toJson: (type, message) => walk(type, message, 'toJson'),
    toMessage: (type, json) => walk(type, json, 'toMessage'),
  };
}

interface Field {
  name: string;
  type: string;
  /** Without the part of the name that it shares with the message it is in. */
  typeName: string;
}

function fieldsOf(protocol: Protocol, type: string): [name: string, type: string][] {
  const { field = [] } = (protocol.message(type)?.type ?? {}) as { field?: Field[] };
  return field
    .filter(each => each.type === 'TYPE_MESSAGE')
    .flatMap(({ name, typeName }): [string, string][] => {
      const full = [`${PACKAGE}.${typeName}`, `google.${typeName}`].find(each => protocol.message(each));
      // Maps, and messages declared inside others, hold nothing that would differ.
      return full === undefined ? [] : [[name, full]];
    });
}

const wellKnown: Readonly<Record<string, WellKnown>> = {
  'google.protobuf.Timestamp': {
    toJson: ({ seconds = 0, nanos = 0 }) => timeText(Number(seconds), Number(nanos)),
    toMessage(json) {
      const ms = Date.parse(String(json));
      const seconds = Math.floor(ms / 1000);
      return { seconds, nanos: (ms - seconds * 1000) * 1e6 };
    },
  },
  'google.protobuf.Duration': {
    toJson: ({ seconds = 0, nanos = 0 }) => `${Number(seconds) + Number(nanos) / 1e9}s`,
    toMessage(json) {
      const seconds = Number.parseFloat(String(json));
      return { seconds: Math.trunc(seconds), nanos: Math.round((seconds % 1) * 1e9) };
    },
  },
  'google.protobuf.FieldMask': {
    toJson: ({ paths = [] }) => (paths as string[]).join(','),
    toMessage: json => ({ paths: String(json).split(',') }),
  },
  'google.protobuf.Struct': { toJson: structToJson, toMessage: structMessage },
  'google.protobuf.Value': { toJson: valueToJson, toMessage: valueMessage },
};

function timeText(seconds: number, nanos: number): string {
  const date = new Date(seconds * 1000 + nanos / 1e6);
  if (Number.isNaN(date.getTime()))
    throw new SluiceError('REQUEST_INVALID', `${seconds} seconds after 1970 is no time that can be told`);
  return date.toISOString();
}

function structToJson(struct: Fields): unknown {
  const { fields = {} } = struct as { fields?: Record<string, Fields> };
  return Object.fromEntries(Object.entries(fields).map(([key, value]) => [key, valueToJson(value)]));
}

function valueToJson(value: Fields): unknown {
  const { numberValue, stringValue, boolValue, structValue, listValue } = value;
  if (structValue) return structToJson(structValue as Fields);
  if (listValue) return ((listValue as { values?: Fields[] }).values ?? []).map(valueToJson);
  return numberValue ?? stringValue ?? boolValue ?? null;
}

function structMessage(json: unknown): unknown {
  const entries = Object.entries(Object(json)).map(([key, value]) => [key, valueMessage(value)]);
  return { fields: Object.fromEntries(entries) };
}

function valueMessage(json: unknown): unknown {
  if (json === null || json === undefined) return { nullValue: 'NULL_VALUE' };
  if (Array.isArray(json)) return { listValue: { values: json.map(valueMessage) } };
  switch (typeof json) {
    case 'number':
      return { numberValue: json };
    case 'string':
      return { stringValue: json };
    case 'boolean':
      return { boolValue: json };
    default:
      return { structValue: structMessage(json) };
  }
}
