/** The file of a Flex template, Dataflow's ContainerSpec: read, checked and written. */
import { Ajv2020, type ErrorObject } from 'ajv/dist/2020.js';
import type { FromSchema } from 'json-schema-to-ts';
import { readTextFile } from '../cloud/storage.ts';
import type { Config } from '../config.ts';
import { SluiceError } from '../errors.ts';
import { metadataSchema } from './metadata.ts';

const text = { type: 'string', maxLength: 10_000 } as const;

/** In the order of their numbers. */
export const sdkLanguages = ['UNKNOWN', 'JAVA', 'PYTHON', 'GO', 'YAML'] as const;

const specSchema = {
  type: 'object',
  required: ['image'],
  properties: {
    image: { type: 'string', minLength: 1, maxLength: 1000 },
    sdkInfo: { type: 'object', properties: { language: { enum: sdkLanguages }, version: text } },
    metadata: metadataSchema,
    /** Flat: what a client may say of the environment has no deeper levels. */
    defaultEnvironment: {
      type: 'object',
      maxProperties: 200,
      additionalProperties: {
        anyOf: [
          { type: ['string', 'number', 'boolean'] },
          { type: 'array', maxItems: 1000, items: text },
          { type: 'object', maxProperties: 1000, additionalProperties: text },
        ],
      },
    },
    imageRepositoryUsernameSecretId: text,
    imageRepositoryPasswordSecretId: text,
    imageRepositoryCertPath: text,
  },
} as const;

export type ContainerSpec = FromSchema<typeof specSchema>;

/** The scheme by which the image of a spec names a template of the catalog: `sluice://<Id>`. */
export const OWN_IMAGE = 'sluice://';

/**
 * The spec in the text of a file.
 * @param path of the file, for messages
 * @throws SluiceError TEMPLATE_INVALID that names the place of the fault, NOT_IMPLEMENTED
 */
export function parseSpec(given: string, path: string): ContainerSpec {
  try {
    return checkSpec(readSpecText(given), path);
  } catch (error) {
    if (error instanceof SluiceError) throw error;
    throw invalid(path, `the spec is not valid JSON: ${(error as Error).message}`);
  }
}

/** The value in the text of a spec: JSON, or that as a text of YAML or JSON, as gcloud prints it. @throws SyntaxError */
export function readSpecText(given: string): unknown {
  // Only its first line makes a block of YAML of what is JSON.
  const value: unknown = JSON.parse(given.replace(/^\|-?\r?\n/, ''));
  return typeof value === 'string' ? JSON.parse(value) : value;
}

/** What is said to be a spec, as one. @throws SluiceError TEMPLATE_INVALID, NOT_IMPLEMENTED */
export function checkSpec(value: unknown, path: string): ContainerSpec {
  if (!isSpec(value)) throw invalid(path, faultIn(isSpec.errors ?? []));
  if (!value.image.startsWith(OWN_IMAGE) && !IMAGE.test(value.image))
    throw invalid(path, `image ${JSON.stringify(value.image)} is no name of an image`);
  for (const key of REGISTRY_KEYS)
    if (value[key])
      throw new SluiceError(
        'NOT_IMPLEMENTED',
        `${path}: ${key}: Sluice reads no secrets of Google's: sign in to the registry with \`docker login\` on the server`,
      );
  return value;
}

/** As gcloud writes it: its keys in order, four blanks a level. */
export const specText = (spec: ContainerSpec): string => `${JSON.stringify(sorted(spec), null, 4)}\n`;

/** A template's text, wherever it lies. @throws SluiceError TEMPLATE_NOT_FOUND in the words that clients look for */
export async function readTemplateText(path: string, config: Config): Promise<string> {
  try {
    return await readTextFile(path, 'the template', config);
  } catch (error) {
    if (!(error instanceof SluiceError) || error.code !== 'INPUT_NOT_FOUND') throw error;
    throw new SluiceError('TEMPLATE_NOT_FOUND', unableToOpen(path), { cause: error });
  }
}

/** The words that clients of Dataflow look for. */
export const unableToOpen = (path: string): string => `Unable to open template file: ${path}`;

/** `[host[:port]/]name[/name…][:tag][@digest]`, or an image by its id. */
const IMAGE =
  /^(?:sha256:[0-9a-f]{64}|(?:[A-Za-z0-9][A-Za-z0-9.-]*(?::\d{1,5})?\/)?[a-z0-9][a-z0-9._/-]*(?::[\w][\w.-]{0,127})?(?:@sha256:[0-9a-f]{64})?)$/;

const REGISTRY_KEYS = [
  'imageRepositoryUsernameSecretId',
  'imageRepositoryPasswordSecretId',
  'imageRepositoryCertPath',
] as const;

const isSpec = new Ajv2020({ strict: false }).compile<ContainerSpec>(specSchema);

function faultIn(errors: ErrorObject[]): string {
  const choice = errors.find(({ keyword }) => keyword === 'anyOf');
  const { instancePath = '', message, params } = choice ?? errors[0] ?? {};
  const place = instancePath
    .slice(1)
    .replaceAll(/\/(\d+)/g, '[$1]')
    .replaceAll('/', '.');
  const more = params?.allowedValues ? ` ${params.allowedValues.join(', ')}` : '';
  const why = choice ? 'must be a text, a number, true, false, or a list or map of texts' : message;
  return `${place || 'the spec'} ${why}${more}`;
}

const invalid = (path: string, why: string): SluiceError =>
  new SluiceError('TEMPLATE_INVALID', `${path}: ${why}`);

function sorted(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(sorted);
  if (typeof value !== 'object' || value === null) return value;
  const entries = Object.entries(value).filter(([, each]) => each !== undefined);
  return Object.fromEntries(
    entries.sort(([a], [b]) => (a < b ? -1 : 1)).map(([key, each]) => [key, sorted(each)]),
  );
}
