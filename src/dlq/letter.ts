/** A line of a dead-letter file back to the letter it holds. Files may hold anything: nothing of it is trusted. */
import { isUtf8 } from 'node:buffer';
import type { DeadLetter } from '../engine/dead-letter.ts';

const REQUIRED = ['id', 'job', 'transform', 'code', 'message', 'time'] as const;
const OPTIONAL = [
  'template',
  'source',
  'stack',
  'payload',
  'payloadBase64',
  'eventTime',
  'messageId',
  'publishTime',
  'key',
  'position',
] as const;
const TIMES = ['eventTime', 'publishTime'] as const;

/** The letter, of its known fields only, or what is wrong with the line. */
export function parseLetter(line: Buffer): DeadLetter | string {
  const fields = objectOf(line);
  if (typeof fields === 'string') return fields;
  const texts: Partial<Record<Field, string>> = {};
  for (const name of [...REQUIRED, ...OPTIONAL]) {
    const value = own(fields, name);
    if (value === undefined || value === null) continue;
    if (typeof value !== 'string') return `its ${name} is not text`;
    texts[name] = value;
  }
  const absent = REQUIRED.find(name => texts[name] === undefined);
  if (absent) return `it has no ${absent}`;
  const attempts = own(fields, 'attempts') ?? 1;
  if (!Number.isSafeInteger(attempts) || Number(attempts) < 1) return 'its attempts are no whole number';
  const attributes = attributesOf(own(fields, 'attributes') ?? {});
  if (!attributes) return 'its attributes are no texts by name';
  const broken = faultOfPayload(texts) ?? TIMES.find(name => Number.isNaN(Date.parse(texts[name] ?? '1970')));
  if (broken) return TIMES.some(name => name === broken) ? `its ${broken} is no time` : broken;
  return {
    ...(texts as Pick<DeadLetter, Field>),
    attempts: Number(attempts),
    ...(Object.keys(attributes).length > 0 && { attributes }),
  };
}

type Field = (typeof REQUIRED)[number] | (typeof OPTIONAL)[number];

/** The bytes that failed. */
export const payloadOfLetter = ({ payload, payloadBase64 = '' }: DeadLetter): Buffer =>
  payload === undefined ? Buffer.from(payloadBase64, 'base64') : Buffer.from(payload);

/** Tells letters apart: an element that failed again has another one. */
export const keyOf = ({ id, attempts }: Pick<DeadLetter, 'id' | 'attempts'>): string => `${attempts}:${id}`;

function objectOf(line: Buffer): object | string {
  if (!isUtf8(line)) return 'it is not UTF-8';
  let value: unknown;
  try {
    value = JSON.parse(line.toString());
  } catch {
    return 'it is not JSON';
  }
  const isObject = typeof value === 'object' && value !== null && !Array.isArray(value);
  return isObject ? Object(value) : 'it is not a JSON object';
}

const own = (fields: object, name: string): unknown =>
  Object.hasOwn(fields, name) ? Reflect.get(fields, name) : undefined;

function attributesOf(value: unknown): Record<string, string> | undefined {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) return undefined;
  const entries = Object.entries(value);
  return entries.every(([, text]) => typeof text === 'string') ? Object.fromEntries(entries) : undefined;
}

function faultOfPayload({ payload, payloadBase64 }: Partial<Record<Field, string>>): string | undefined {
  if (payload !== undefined) return payloadBase64 === undefined ? undefined : 'it has two payloads';
  if (payloadBase64 === undefined) return 'it has no payload';
  return /^[A-Za-z0-9+/]*={0,2}$/.test(payloadBase64) ? undefined : 'its payloadBase64 is not base64';
}
