/** Functions of the user's that tell where a document goes, in the sandbox: each gets the document as text. */
import type { Config } from '../../config.ts';
import { type Batch, type Failure, originalOf, payloadOf } from '../../engine/batch.ts';
import { SluiceError } from '../../errors.ts';
import type { UdfScript } from '../../udf/frames.ts';
import { defaultLimits } from '../../udf/limits.ts';
import { openPool } from '../../udf/pool.ts';
import { checkFunctionName, readScripts } from '../../udf/scripts.ts';

/** A function and where it is; without a path there is none. */
export interface FunctionPlace {
  path?: string;
  name?: string;
}

export interface FunctionPlaces {
  id?: FunctionPlace;
  index?: FunctionPlace;
  routing?: FunctionPlace;
  isDelete?: FunctionPlace;
}

/** What the functions say of a document; null where they leave it to the rest of the config. */
export type Said = [id: string | null, index: string | null, routing: string | null, isDelete: boolean];

export interface AddressFunctions {
  concurrency: number;
  /** By element; a failure where a function failed. */
  run(batch: Batch): Promise<(Said | Failure)[]>;
  close(): Promise<void>;
}

const ORDER = ['id', 'index', 'routing', 'isDelete'] as const;

/** Undefined where there are none. @throws SluiceError as JavaScriptUdf does */
export async function openFunctions(
  places: FunctionPlaces,
  stage: string,
  config: Config,
): Promise<AddressFunctions | undefined> {
  const named = ORDER.filter(part => places[part]?.path !== undefined);
  if (named.length === 0) return undefined;
  const scripts: UdfScript[] = [];
  const loaded = new Set<string>();
  for (const part of named) {
    const { path = '', name = 'transform' } = places[part] ?? {};
    checkFunctionName(name);
    // Functions of one file may share what is in it.
    if (!loaded.has(path)) scripts.push(...plainScripts(path, config));
    loaded.add(path);
    scripts.push(keeper(part, name, path));
  }
  scripts.push(DRIVER);
  const pool = await openPool({
    scripts,
    function: 'sluice$address',
    limits: defaultLimits,
    rows: false,
    stage,
  });
  return {
    concurrency: pool.concurrency,
    async run({ count, bytes, starts, ends }) {
      // Without its columns, so that what comes back is known by its place in this batch.
      const { good, failed } = await pool.run({ count, bytes, starts, ends });
      const said: (Said | Failure)[] = [];
      for (const batch of good)
        for (let i = 0; i < batch.count; i++)
          said[originalOf(batch, i).index] = JSON.parse(payloadOf(batch, i).toString());
      for (const [i, failure] of (failed?.failures ?? []).entries())
        if (failed) said[originalOf(failed, i).index] = failure;
      return said;
    },
    close: () => pool.close(),
  };
}

function plainScripts(path: string, config: Config): UdfScript[] {
  const scripts = readScripts(path, config);
  if (scripts.some(({ module }) => module))
    throw new SluiceError(
      'UDF_LOAD_FAILED',
      `${path}: what tells ids and indexes must be a plain script, a .js file`,
    );
  return scripts;
}

/** Keeps the function of the script before it, whose name the next one may have too. */
function keeper(part: string, name: string, path: string): UdfScript {
  const missing = JSON.stringify(`there is no function ${name} in ${path}`);
  return {
    name: 'sluice.js',
    module: false,
    source: `if (typeof ${name} !== 'function') throw new Error(${missing});\nvar sluice$${part} = ${name};`,
  };
}

const DRIVER: UdfScript = {
  name: 'sluice.js',
  module: false,
  source: `
    var sluice$text = (name, value) => {
      if (value === undefined || value === null || value === '') return null;
      if (typeof value === 'string') return value;
      throw new TypeError('the function for the ' + name + ' must return a string, not a ' + typeof value);
    };
    function sluice$address(document) {
      const of = (name, call) => (call === undefined ? null : sluice$text(name, call(document)));
      const gone = typeof sluice$isDelete === 'undefined' ? false : sluice$isDelete(document);
      return JSON.stringify([
        of('id', typeof sluice$id === 'undefined' ? undefined : sluice$id),
        of('index', typeof sluice$index === 'undefined' ? undefined : sluice$index),
        of('routing', typeof sluice$routing === 'undefined' ? undefined : sluice$routing),
        gone === true || gone === 'true',
      ]);
    }`,
};
