/** A parent with one idle child and one that hangs where no timeout reaches; says so, and waits to be killed. */
import { batchOf } from '../../src/engine/batch.ts';
import { openPool } from '../../src/udf/pool.ts';

const limits = { timeoutMs: 60_000, memoryMb: 64, maxOutputBytes: 1000 };
const open = (source: string) =>
  openPool({
    scripts: [{ name: 'o.js', source, module: false }],
    limits,
    rows: false,
    stage: 'Orphan',
    slots: 1,
  });

const idle = await open('function process(x) { return x; }');
await idle.run(batchOf(['x']));
const stuck = await open(
  'function process(x) { Promise.reject(new Proxy({}, { get() { for (;;) {} } })); return x; }',
);
stuck.run(batchOf(['x'])).catch(() => {});
setTimeout(() => console.log('ready'), 300);
setInterval(() => {}, 1000);
