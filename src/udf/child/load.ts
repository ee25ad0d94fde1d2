/** Evaluates the user's scripts in a realm and finds the function to call. */
import type ivm from 'isolated-vm';
import type { LoadReply, LoadRequest } from '../frames.ts';
import { endingOf } from './attempt.ts';

type RefusalCode = Extract<LoadReply, { code: string }>['code'];

/** Why a UDF cannot be used. */
export class Refusal extends Error {
  readonly code: RefusalCode;

  constructor(code: RefusalCode, message: string) {
    super(message);
    this.code = code;
  }
}

/** Top-level code may take longer than an element: it runs once. */
const LOAD_TIMEOUT_MS = 2000;
const DEFAULT_FUNCTIONS = ['process', 'transform'];
const MAX_NAMES = 30;

/** Evaluates the scripts in order; gives the namespaces of those that are modules. */
export function evaluateScripts(
  isolate: ivm.Isolate,
  context: ivm.Context,
  { scripts, memoryMb }: LoadRequest,
): ivm.Reference[] {
  const namespaces: ivm.Reference[] = [];
  for (const { name: filename, source, module } of scripts) {
    const compiled = refusing('UDF_SYNTAX', filename, () =>
      module
        ? isolate.compileModuleSync(source, { filename })
        : isolate.compileScriptSync(source, { filename }),
    );
    refusing('UDF_LOAD_FAILED', filename, () => {
      if ('runSync' in compiled) {
        compiled.runSync(context, { timeout: LOAD_TIMEOUT_MS, reference: true });
        return;
      }
      compiled.instantiateSync(context, specifier => {
        throw new Error(`a UDF cannot import anything, and '${specifier}' is imported`);
      });
      compiled.evaluateSync({ timeout: LOAD_TIMEOUT_MS });
      namespaces.push(compiled.namespace);
    });
  }

  return namespaces;

  function refusing<T>(code: RefusalCode, filename: string, action: () => T): T {
    try {
      return action();
    } catch (error) {
      const why = explain(error, isolate, memoryMb);
      throw new Refusal(code, why.startsWith(filename) ? why : `${filename}: ${why}`);
    }
  }
}

/** Gives the function to the wrapper's `bind`; says its name and whether it takes a context. */
export function bindFunction(
  context: ivm.Context,
  namespaces: ivm.Reference[],
  request: LoadRequest,
  bind: ivm.Reference,
): { function: string; wantsContext: boolean } {
  const wanted = request.function === undefined ? DEFAULT_FUNCTIONS : [request.function];
  for (const name of wanted) {
    const found = lookUp(name, context, namespaces);
    if (found === undefined) continue;
    const args = [
      found.derefInto(),
      request.maxOutputBytes,
      Math.max(1, request.timeoutMs / 2),
      request.rows,
    ];
    const wantsContext = bind.applySync(undefined, args, { timeout: LOAD_TIMEOUT_MS });
    return { function: name, wantsContext: wantsContext === true };
  }
  throw new Refusal('UDF_FUNCTION_MISSING', missing(request, context, namespaces));
}

/** A function however it is declared: `let`, `const` and `class` are not properties of the global object. */
function lookUp(name: string, context: ivm.Context, namespaces: ivm.Reference[]): ivm.Reference | undefined {
  try {
    for (const namespace of namespaces.toReversed()) {
      const exported: ivm.Reference = namespace.getSync(name, { reference: true });
      if (exported.typeof === 'function') return exported;
    }
    const found: ivm.Reference = context.evalSync(name, { reference: true, timeout: LOAD_TIMEOUT_MS });
    return found.typeof === 'function' ? found : undefined;
  } catch {
    return undefined;
  }
}

function missing(request: LoadRequest, context: ivm.Context, namespaces: ivm.Reference[]): string {
  const declared = /(?:\bfunction\b\s*\*?|\b(?:const|let|var|class)\b)\s*([A-Za-z_$][\w$]*)/g;
  const names = new Set<string>();
  for (const { source } of request.scripts) {
    for (const match of source.matchAll(declared)) {
      const name = match[1];
      if (names.size < MAX_NAMES && name && lookUp(name, context, namespaces)) names.add(name);
    }
  }
  const files = request.scripts.map(({ name }) => name).join(', ');
  const has = names.size === 0 ? 'it defines no function' : `it defines ${[...names].join(', ')}`;
  if (request.function !== undefined)
    return `${files} does not define the function ${request.function}: ${has}`;
  return `no function was named, and ${files} defines neither process nor transform: ${has}`;
}

function explain(error: unknown, isolate: ivm.Isolate, memoryMb: number): string {
  if (isolate.isDisposed || endingOf(error) === 'memory') return `loading needed more than ${memoryMb} MB`;
  if (endingOf(error) === 'timeout') return `loading took longer than ${LOAD_TIMEOUT_MS} ms`;
  const message = placed(error);
  if (/Unexpected token 'export'|import statement outside a module/.test(message)) {
    return `${message}: a file that uses import or export must be named .mjs`;
  }
  return message;
}

/** The message, with the place in the script before it: `udf.js:2:13: …`. */
function placed(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  // isolated-vm puts the place of a syntax error behind its message, and V8 that of any other into the stack.
  const [, text, place] = /^([\s\S]*) \[([^\]]*:\d+:\d+)\]$/.exec(error.message) ?? [];
  if (text !== undefined) return `${place}: ${text}`;
  const thrown = `${error.name}: ${error.message}`;
  const [, line] = /^\s+at (?:.*\()?([^\s()<>]+:\d+:\d+)\)?$/m.exec(error.stack ?? '') ?? [];
  return line === undefined || line.includes('/') ? thrown : `${line}: ${thrown}`;
}
