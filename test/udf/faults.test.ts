/** Whatever one element does: it alone fails, its neighbours and their order are exact, nothing is left behind. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { faults, pollutions, refusals } from './faults.ts';
import { codesOf, fatesOf, openTestPool, residentMb, udfChildren, until } from './harness.ts';

const PARENT_GROWTH_MB = 120;

for (const { title, body, timeoutMs, fate } of faults) {
  test(`an element whose function ${title} is the only one to suffer`, async t => {
    const source = `function f(payload) { if (payload !== 'bad') return payload + '!';\n${body}\n}`;
    const before = residentMb();
    const pool = await openTestPool(t, source, { function: 'f', timeoutMs });
    const codes = codesOf(await fatesOf(pool, ['a', 'b', 'bad', 'c', '', 'd']));
    const bad = codes.splice(2, 1)[0];
    assert.deepEqual(codes, ['a!', 'b!', 'c!', '!', 'd!']);
    assert.ok([fate].flat().includes(String(bad)), `it became ${bad}`);
    assert.deepEqual(codesOf(await fatesOf(pool, ['next'])), ['next!']);
    assert.ok(residentMb() - before < PARENT_GROWTH_MB, `the parent grew by ${residentMb() - before} MB`);
    await pool.close();
    await until(() => udfChildren().length === 0);
  });
}

for (const { title, code } of pollutions) {
  test(`a function that ${title} forges nothing`, async t => {
    const source = `const stolen = []; const parse = JSON.parse; const stringify = JSON.stringify; let n = 0;
      function process(payload, context) {
        if (n++ === 0) { ${code} }
        if (payload === 'throw') throw 'thrown';
        if (payload === 'drop') return null;
        if (payload === 'number') return 7;
        if (stolen.length > 0) return 'stolen: ' + stolen.length;
        return payload + '/' + context.messageId;
      }`;
    const pool = await openTestPool(t, source);
    const elements = ['a', 'throw', 'b', 'drop', 'number', 'é', 'c'];
    const metadata = elements.map((_, i) => ({ messageId: `m${i}` }));
    for (let round = 0; round < 3; round++) {
      const codes = codesOf(await fatesOf(pool, elements, metadata));
      assert.deepEqual(codes, ['a/m0', 'UDF_THREW', 'b/m2', null, 'UDF_RETURN_TYPE', 'é/m5', 'c/m6']);
    }
  });
}

for (const { title, source, code, message, name } of refusals) {
  test(`a script that ${title} is refused`, async t => {
    await assert.rejects(openTestPool(t, source, { ...(name && { function: name }) }), { code, message });
    await until(() => udfChildren().length === 0);
  });
}
