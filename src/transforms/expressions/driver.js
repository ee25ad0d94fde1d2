/**
 * The half of JavaScript expressions that lives in the sandbox: gives the function that is called for each element.
 * All expressions of a transform are worked out in that one call. It keeps what it needs of the realm in constants,
 * since the functions of the user share the realm.
 *
 * `spec`: `text`: the field of an element that is text, absent for rows; `functions`: label, output type, and whether
 * it may change the row it is given; `row`: how the values make a row, absent where the only value is wanted:
 * `append`, `drop`, and `fields` with the name, and the field or the function that the value comes from.
 */
// biome-ignore lint/correctness/noUnusedVariables: the generated script calls it.
const sluiceDriver = (spec, functions) => {
  const { parse, stringify, rawJSON } = JSON;
  const { keys, prototype } = Object;
  const { isInteger, isSafeInteger, isFinite: isNumber } = Number;
  const { isArray } = Array;
  const uncurry = Function.prototype.bind.bind(Function.prototype.call);
  const hasOwn = uncurry(prototype.hasOwnProperty);
  const tagOf = uncurry(prototype.toString);
  const matches = uncurry(RegExp.prototype.test);
  const trimEnd = uncurry(String.prototype.trimEnd);
  const slice = uncurry(String.prototype.slice);
  const text = String;

  /** So many digits may be an integer that a double does not hold. Spelled out, V8 looks at every eighth byte only. */
  const LONG_NUMBER = /\d\d\d\d\d\d\d\d\d\d\d\d\d\d\d\d/;
  const INTEGER = /^-?\d+$/;
  const TYPES = {
    string: value => typeof value === 'string',
    integer: value => isInteger(value) || typeof value === 'bigint',
    number: value => typeof value === 'number' || typeof value === 'bigint',
    boolean: value => typeof value === 'boolean',
  };
  const { row: shape } = spec;
  const dropped = { __proto__: null };
  for (const name of shape?.drop ?? []) dropped[name] = true;
  // Those that leave the row as it is come first: only the others need a row of their own.
  const calls = spec.functions.map((_, i) => i);
  calls.sort((a, b) => spec.functions[a].changes - spec.functions[b].changes);

  if (!shape) return payload => evaluate(0, rowOf(payload));
  const names = shape.fields.map(({ name }) => `${stringify(name)}:`);

  return payload => {
    let row = rowOf(payload);
    const exact = matches(LONG_NUMBER, payload) && spec.text === undefined ? parse(payload, revive) : row;
    let made = shape.append ? kept(payload, row, exact) : '';
    const texts = [];
    for (let i = 0; i < shape.fields.length; i++) {
      const { field } = shape.fields[i];
      if (field !== undefined) texts[i] = hasOwn(exact, field) ? stringify(exact[field]) : 'null';
    }
    const values = [];
    let changed = false;
    for (const call of calls) {
      if (changed) row = rowOf(payload);
      values[call] = evaluate(call, row);
      changed = spec.functions[call].changes;
    }
    for (let i = 0; i < shape.fields.length; i++) {
      if (made !== '') made += ',';
      made += names[i] + (texts[i] ?? values[shape.fields[i].call]);
    }
    return `{${made}}`;
  };

  function rowOf(payload) {
    return spec.text === undefined ? parse(payload) : { [spec.text]: payload };
  }

  /** The fields that a row keeps, as JSON without its braces. */
  function kept(payload, row, exact) {
    for (const { name } of shape.fields)
      if (hasOwn(row, name) && !dropped[name])
        fail(name, 'the row has this field already: append redefines no field, drop it too');
    const all = keys(row);
    if (all.length === 0) return '';
    if (shape.drop.length === 0) {
      const whole = spec.text === undefined ? trimEnd(payload) : stringify(row);
      const first = whole[0] === '{' ? 1 : whole.indexOf('{') + 1;
      return slice(whole, first, -1);
    }
    let made = '';
    for (const name of all) {
      if (dropped[name]) continue;
      if (made !== '') made += ',';
      made += `${stringify(name)}:${stringify(exact[name])}`;
    }
    return made;
  }

  function evaluate(call, row) {
    const { label, type } = spec.functions[call];
    let value;
    try {
      value = functions[call](row);
    } catch (thrown) {
      if (typeof thrown !== 'object' || thrown === null) throw fault(label, text(thrown));
      const { name, message, stack } = thrown;
      throw fault(label, name ? `${name}: ${message}` : message, stack);
    }
    if (value === undefined) value = null;
    if (type !== undefined && !TYPES[type](value)) fail(label, `gave ${described(value)}, not ${type}`);
    switch (typeof value) {
      case 'bigint':
        return `${value}`;
      case 'number':
        if (isNumber(value)) return `${value}`;
        return fail(label, `gave ${value}, which JSON cannot express`);
      case 'boolean':
        return value ? 'true' : 'false';
      case 'function':
      case 'symbol':
        fail(label, `gave a ${typeof value}, which JSON cannot express`);
        break;
      case 'object':
        if (tagOf(value) === '[object Promise]') fail(label, 'gave a Promise: expressions are synchronous');
    }
    try {
      return stringify(value) ?? 'null';
    } catch (thrown) {
      throw fault(label, `gave what JSON cannot express: ${thrown.message}`);
    }
  }

  function described(value) {
    if (value === null) return 'null';
    if (isArray(value)) return 'a list';
    return typeof value === 'object' ? 'a mapping' : slice(`${stringify(value)}`, 0, 100);
  }

  function fail(label, why) {
    throw fault(label, why);
  }

  /** The wrapper describes what is thrown by its name, message and stack. */
  function fault(label, why, stack) {
    return { name: '', message: `${label}: ${why}`, stack };
  }

  /** Integers that a double does not hold keep their digits. */
  function revive(_key, value, { source }) {
    const isLong = typeof value === 'number' && !isSafeInteger(value) && matches(INTEGER, source);
    return isLong ? rawJSON(source) : value;
  }
};
