/**
 * The half of the sandbox that lives in the user's realm. It is evaluated before any code of the user's, keeps
 * what it needs of the realm in constants (`uncurry` makes methods that no prototype can replace), and gives
 * its functions to the host alone. Results leave as one string and one table of numbers.
 *
 * Words of the table: 0 how many elements are done; from 8 on, three columns: start, end, status.
 * A status is the length of the output in characters, -1 filtered, -2 failed.
 */
// biome-ignore lint/suspicious/noRedundantUseStrict: a script, and what `Function.caller` may not see through.
'use strict';
(() => {
  const uncurry = Function.prototype.bind.bind(Function.prototype.call);
  const substring = uncurry(String.prototype.substring);
  const tagOf = uncurry(Object.prototype.toString);
  const now = Date.now;
  const parse = JSON.parse;
  const quote = JSON.stringify;
  const isArray = Array.isArray;
  const text = String;
  const Table = Int32Array;
  const collect = globalThis.gc;
  for (const name of ['WebAssembly', 'SharedArrayBuffer', 'Atomics']) delete globalThis[name];
  // It cannot be deleted.
  globalThis.gc = undefined;

  const DONE = 0;
  const COLUMNS = 8;
  // Enough output or time for one call: the host takes what there is and calls again.
  const ENOUGH_CHARACTERS = 2 * 1024 * 1024;
  const MAX_STRIDE = 32;

  // Texts of batches lie outside the heap, where the collector hardly feels them: it is called for each few of them.
  const COLLECT_CHARACTERS = 16 * 1024 * 1024;
  let uncollected = 0;

  let process;
  let maxOutput = 0;
  let patienceMs = 0;
  let rows = false;
  let table;
  let capacity = 0;

  let payloads = '';
  let contexts = null;
  let outputs = '';
  let failures = '';
  // Elements between two looks at the clock: many while they are quick, one while they are slow.
  let stride = 1;

  function step(from, to) {
    outputs = '';
    failures = '';
    const begun = now();
    let seen = begun;
    let unseen = stride;
    let i = from;
    table[DONE] = i;
    while (i < to) {
      let status = -2;
      try {
        const payload = substring(payloads, table[COLUMNS + i], table[COLUMNS + capacity + i]);
        const result = contexts === null ? process(payload) : process(payload, contexts[i]);
        if (typeof result === 'string') {
          if (result === '') status = -1;
          else if (result.length > maxOutput) fail(i - from, 'UDF_OUTPUT_TOO_LARGE', '', '');
          else if (rows && !isObject(result))
            fail(i - from, 'UDF_RETURN_NOT_OBJECT', substring(result, 0, 100), '');
          else {
            status = result.length;
            outputs += result;
            outputs += '\n';
          }
        } else if (result === null || result === undefined) status = -1;
        else fail(i - from, 'UDF_RETURN_TYPE', kindOf(result), '');
      } catch (thrown) {
        status = -2;
        describe(i - from, thrown);
      }
      // No call may stand between these lines: an interrupt must find the table and the outputs in step.
      table[COLUMNS + 2 * capacity + i] = status;
      table[DONE] = ++i;
      if (outputs.length + failures.length > ENOUGH_CHARACTERS) break;
      if (--unseen === 0) {
        const time = now();
        if (time - begun >= patienceMs) break;
        if (time - seen > 8) stride = 1;
        else if (stride < MAX_STRIDE) stride *= 2;
        seen = time;
        unseen = stride;
      }
    }
  }

  function isObject(result) {
    try {
      const value = parse(result);
      return typeof value === 'object' && value !== null && !isArray(value);
    } catch {
      return false;
    }
  }

  function fail(index, code, message, stack) {
    failures += `${failures === '' ? '' : ','}[${index},"${code}",${quote(message)},${quote(stack)}]`;
  }

  /** What was thrown, as primitive strings: an object of the user's never crosses to the host. */
  function describe(index, thrown) {
    let message = '';
    let stack = '';
    try {
      if (typeof thrown === 'string') message = thrown;
      else if (thrown === null || (typeof thrown !== 'object' && typeof thrown !== 'function')) {
        message = text(thrown);
      } else {
        const given = thrown.message;
        message = typeof given === 'string' ? given : `an object without a message was thrown`;
        const name = thrown.name;
        if (typeof name === 'string' && name !== '') message = `${substring(name, 0, 100)}: ${message}`;
        const trace = thrown.stack;
        if (typeof trace === 'string') stack = trace;
      }
      message = substring(message, 0, 1000);
      stack = substring(stack, 0, 4000);
    } catch {
      message = 'something was thrown that cannot be described';
      stack = '';
    }
    fail(index, 'UDF_THREW', message, stack);
  }

  function kindOf(result) {
    if (typeof result !== 'object') return typeof result;
    if (isArray(result)) return 'array';
    return tagOf(result) === '[object Promise]' ? 'Promise' : 'object';
  }

  return {
    __proto__: null,
    step,
    bind(given, limit, patience, wantRows) {
      process = given;
      maxOutput = limit;
      patienceMs = patience;
      rows = wantRows;
      return given.length >= 2;
    },
    share(buffer) {
      table = new Table(buffer);
      capacity = (table.length - COLUMNS) / 3;
    },
    begin(given, contextText) {
      payloads = given;
      uncollected += given.length;
      if (uncollected > COLLECT_CHARACTERS) {
        uncollected = 0;
        collect();
      }
      contexts = contextText === '' ? null : parse(contextText);
    },
    outputs: () => outputs,
    failures: () => failures,
  };
})();
