/** Functions that misbehave for the payload `bad` and echo every other one with an exclamation mark. */

export interface Fault {
  title: string;
  /** What the function does with the bad element. */
  body: string;
  /** Time that the fault may take, where it is not the fault itself. */
  timeoutMs?: number;
  /** What becomes of the bad element: one of these codes, or its output. */
  fate: string | string[];
}

export const faults: Fault[] = [
  // Memory.
  {
    title: 'allocates arrays of numbers without end',
    body: 'const a = []; for (;;) a.push(new Array(1000).fill(1.1));',
    fate: 'UDF_MEMORY',
    timeoutMs: 3000,
  },
  {
    title: 'asks for one huge array',
    body: 'return String(new Array(5e7).fill(0).length);',
    fate: 'UDF_MEMORY',
    timeoutMs: 3000,
  },
  {
    title: 'collects objects without end',
    body: 'const a = []; for (;;) a.push({ a: 1, b: [2] });',
    fate: 'UDF_MEMORY',
    timeoutMs: 3000,
  },
  {
    title: 'grows a string without end',
    body: 'let s = "ab"; const all = []; for (;;) { s = s + s.slice(1); all.push(s.toUpperCase()); }',
    fate: ['UDF_MEMORY', 'UDF_THREW'],
    timeoutMs: 3000,
  },
  {
    title: 'collects closures',
    body: 'const a = []; for (;;) { const x = {}; a.push(() => x); }',
    fate: 'UDF_MEMORY',
    timeoutMs: 3000,
  },
  {
    title: 'fills a map',
    body: 'const m = new Map(); for (let i = 0; ; i++) m.set(i, [i]);',
    fate: 'UDF_MEMORY',
    timeoutMs: 3000,
  },
  {
    title: 'joins arrays to themselves',
    body: 'let a = new Array(1000).fill(1.5); for (;;) a = a.concat(a);',
    fate: ['UDF_MEMORY', 'UDF_THREW'],
    timeoutMs: 3000,
  },
  {
    title: 'catches what it can and goes on',
    body: 'const a = []; for (;;) try { for (;;) a.push(new Array(1000).fill(1.1)); } catch (e) {}',
    fate: 'UDF_MEMORY',
    timeoutMs: 3000,
  },
  {
    title: 'asks for array buffers',
    body: 'const a = []; for (;;) a.push(new ArrayBuffer(16 * 1024 * 1024));',
    fate: ['UDF_MEMORY', 'UDF_THREW'],
    timeoutMs: 3000,
  },
  {
    title: 'asks for WebAssembly memory',
    body: 'return new WebAssembly.Memory({ initial: 16384 }).toString();',
    fate: 'UDF_THREW',
  },
  { title: 'asks for shared memory', body: 'return String(new SharedArrayBuffer(8));', fate: 'UDF_THREW' },
  { title: 'returns 500 MB', body: 'return "x".repeat(5e8);', fate: 'UDF_OUTPUT_TOO_LARGE' },
  {
    title: 'throws a huge string',
    body: 'throw "y".repeat(2e7);',
    fate: 'UDF_THREW',
  },
  // Time.
  { title: 'loops', body: 'for (;;) {}', fate: 'UDF_TIMEOUT' },
  {
    title: 'loops within try and finally',
    body: 'for (;;) { try { for (;;) {} } catch (e) {} finally { for (;;) {} } }',
    fate: 'UDF_TIMEOUT',
  },
  {
    title: 'backtracks in a regular expression',
    body: 'return String(/^(a+)+$/.test("a".repeat(40) + "!"));',
    fate: 'UDF_TIMEOUT',
  },
  {
    title: 'is lost in a builtin that nothing interrupts',
    body: 'const s = "x".repeat(2e7); for (;;) s.replaceAll("x", "yy").length;',
    fate: ['UDF_TIMEOUT', 'UDF_MEMORY', 'UDF_THREW'],
  },
  {
    title: 'leaves an endless chain of promise jobs',
    body: 'const again = () => Promise.resolve().then(again); again(); return "late";',
    fate: 'UDF_TIMEOUT',
  },
  {
    title: 'leaves a promise job that loops',
    body: 'Promise.resolve().then(() => { for (;;) {} }); return "late";',
    fate: 'UDF_TIMEOUT',
  },
  { title: 'recurses without end', body: 'const f = () => f() + 1; return String(f());', fate: 'UDF_THREW' },
  {
    title: 'loops in a getter of what it throws',
    body: 'throw { get message() { for (;;) {} } };',
    fate: 'UDF_TIMEOUT',
  },
  {
    title: 'loops in a getter of a stack',
    body: 'const e = new Error("x"); Object.defineProperty(e, "stack", { get() { for (;;) {} } }); throw e;',
    fate: 'UDF_TIMEOUT',
  },
  {
    title: 'loops while a stack is prepared',
    body: 'Error.prepareStackTrace = () => { for (;;) {} }; throw new Error("x");',
    fate: 'UDF_TIMEOUT',
  },
  {
    title: 'throws a proxy that loops',
    body: 'throw new Proxy({}, { get() { for (;;) {} }, getPrototypeOf() { for (;;) {} } });',
    fate: 'UDF_TIMEOUT',
  },
  {
    title: 'rejects a promise with a proxy that loops',
    body: 'Promise.reject(new Proxy({}, { get() { for (;;) {} } })); return "fine";',
    fate: ['UDF_TIMEOUT', 'fine'],
  },
  {
    title: 'returns an object whose toStringTag loops',
    body: 'return { get [Symbol.toStringTag]() { for (;;) {} } };',
    fate: 'UDF_TIMEOUT',
  },
  {
    title: 'returns an object whose toString and toJSON loop',
    body: 'return { toString() { for (;;) {} }, toJSON() { for (;;) {} } };',
    fate: 'UDF_RETURN_TYPE',
  },
  {
    title: 'stringifies an object whose toJSON loops',
    body: 'return JSON.stringify({ toJSON() { for (;;) {} } });',
    fate: 'UDF_TIMEOUT',
  },
  // What is thrown and returned.
  { title: 'throws null', body: 'throw null;', fate: 'UDF_THREW' },
  { title: 'throws undefined', body: 'throw undefined;', fate: 'UDF_THREW' },
  { title: 'throws a symbol', body: 'throw Symbol("s");', fate: 'UDF_THREW' },
  { title: 'throws an object without a prototype', body: 'throw Object.create(null);', fate: 'UDF_THREW' },
  {
    title: 'throws an object whose message throws',
    body: 'throw { get message() { throw this; } };',
    fate: 'UDF_THREW',
  },
  {
    title: 'throws a revoked proxy',
    body: 'const { proxy, revoke } = Proxy.revocable({}, {}); revoke(); throw proxy;',
    fate: 'UDF_THREW',
  },
  { title: 'rejects a promise', body: 'Promise.reject(new Error("stray")); return "fine";', fate: 'fine' },
  { title: 'returns a promise', body: 'return (async () => "x")();', fate: 'UDF_RETURN_TYPE' },
  {
    title: 'returns a promise that rejects',
    body: 'return (async () => { throw new Error("x"); })();',
    fate: 'UDF_RETURN_TYPE',
  },
  { title: 'returns a boxed string', body: 'return new String("x");', fate: 'UDF_RETURN_TYPE' },
  { title: 'returns a function', body: 'return () => 1;', fate: 'UDF_RETURN_TYPE' },
  { title: 'returns a symbol', body: 'return Symbol("x");', fate: 'UDF_RETURN_TYPE' },
  { title: 'returns a big integer', body: 'return 10n;', fate: 'UDF_RETURN_TYPE' },
  // Ways out.
  { title: 'reads process.env', body: 'return process.env.PATH;', fate: 'UDF_THREW' },
  {
    title: 'calls require',
    body: 'return require("fs").readFileSync("/etc/passwd", "utf8");',
    fate: 'UDF_THREW',
  },
  {
    title: 'looks for a process through constructors',
    body: 'return this.constructor.constructor("return process")().env.PATH;',
    fate: 'UDF_THREW',
  },
  { title: 'fetches', body: 'return fetch("http://localhost");', fate: 'UDF_THREW' },
  {
    title: 'imports',
    body: 'import("node:fs").then(fs => { globalThis.got = fs; }); return String(globalThis.got);',
    fate: 'undefined',
  },
  {
    title: 'writes to the console',
    body: 'console.log("x".repeat(1000)); console.error("y"); return "quiet";',
    fate: 'quiet',
  },
  {
    title: 'asks who called it',
    body: 'return String(f.caller);',
    fate: ['null', 'UDF_THREW'],
  },
  {
    title: 'asks the stack for the function that called it',
    body: `Error.prepareStackTrace = (_, sites) => sites; const sites = new Error().stack;
      Error.prepareStackTrace = undefined;
      return String(sites.map(site => typeof site.getFunction()).filter(type => type === "function").length);`,
    fate: '1',
  },
];

/** Changes to the realm that a wrapper written carelessly would fall for. */
export const pollutions: { title: string; code: string }[] = [
  {
    title: 'patches every prototype it can reach',
    code: `for (const type of [Array, String, Function, Object, Number, Promise, Map, Int32Array, Error]) {
      for (const name of Object.getOwnPropertyNames(type.prototype)) {
        if (name === 'constructor') continue;
        try { type.prototype[name] = () => 'forged'; } catch (e) {}
      }
    }`,
  },
  {
    title: 'replaces the static functions',
    code: `for (const holder of [Reflect, JSON, Object, Array, Math, Number, String, Date, Promise]) {
      for (const name of Object.getOwnPropertyNames(holder)) {
        try { holder[name] = () => 'forged'; } catch (e) {}
      }
    }`,
  },
  {
    title: 'steals through setters of indices',
    code: `for (let i = 0; i < 50; i++) {
      Object.defineProperty(Array.prototype, i, { set(v) { stolen.push(v); }, get() { return 'forged'; } });
      Object.defineProperty(Object.prototype, i, { set(v) { stolen.push(v); }, get() { return 'forged'; } });
    }`,
  },
  {
    title: 'stops the clock',
    code: 'Date.now = () => { for (;;) {} }; globalThis.Date = undefined;',
  },
  {
    title: 'replaces the iterators',
    code: `Array.prototype[Symbol.iterator] = function* () { yield 'forged'; };
      String.prototype[Symbol.iterator] = function* () { yield 'forged'; };`,
  },
  {
    title: 'forges what statuses and outputs are made of',
    code: `Object.prototype.toJSON = () => 'forged'; String.prototype.toJSON = () => 'forged';
      Object.prototype.then = 1; String.prototype.length = 0;
      globalThis.String = () => 'forged'; globalThis.Int32Array = class { get length() { return 0; } };`,
  },
  {
    title: 'adds accessors for the words the table is read by',
    code: `for (const name of ['length', 'status', 'get', 'set', 'value', 'message', 'stack', 'function']) {
      try { Object.defineProperty(Object.prototype, name, { get: () => 'forged', set() {} }); } catch (e) {}
    }`,
  },
];

/** Scripts that cannot be loaded. */
export const refusals: { title: string; source: string; code: string; message: RegExp; name?: string }[] = [
  {
    title: 'does not parse',
    source: 'function process(x) {\n  return x +;\n}',
    code: 'UDF_SYNTAX',
    message: /^test\.js:2:13: Unexpected token ';'$/,
  },
  {
    title: 'exports as a module does',
    source: 'export function process(x) { return x; }',
    code: 'UDF_SYNTAX',
    message: /must be named \.mjs/,
  },
  {
    title: 'throws while it is loaded',
    source: 'const process = x => x;\nnull.field;',
    code: 'UDF_LOAD_FAILED',
    message: /^test\.js:2:6: TypeError: Cannot read properties of null/,
  },
  {
    title: 'loops at its top level',
    source: 'for (;;) {}',
    code: 'UDF_LOAD_FAILED',
    message: /longer than 2000 ms/,
  },
  {
    title: 'throws a proxy that loops while it is loaded',
    source: 'throw new Proxy({}, { get() { for (;;) {} } });',
    code: 'UDF_LOAD_FAILED',
    message: /did not end in time/,
  },
  {
    title: 'fills the memory while it is loaded',
    source: 'const a = []; for (;;) a.push(new Array(1000).fill(1.1));',
    code: 'UDF_LOAD_FAILED',
    message: /more than 64 MB|longer than 2000 ms/,
  },
  {
    title: 'does not define the function',
    source: 'function one(x) { return x; }\nconst two = x => x; let three = 3;',
    code: 'UDF_FUNCTION_MISSING',
    message: /test\.js does not define the function absent: it defines one, two$/,
    name: 'absent',
  },
  {
    title: 'defines no function at all',
    source: 'var answer = 42;',
    code: 'UDF_FUNCTION_MISSING',
    message: /neither process nor transform: it defines no function/,
  },
];
