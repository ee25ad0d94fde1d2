/** What every sink does, wherever it writes: one suite, run against the real server of each connector. */
import assert from 'node:assert/strict';
import { appendFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, it, type TestContext } from 'node:test';
import { loadConfig } from '../../src/config.ts';
import { batchOf } from '../../src/engine/batch.ts';
import type { ElementType, Json, Sink, SinkComponent } from '../../src/engine/component.ts';
import { contextOf, textsOf } from '../helpers/pipeline.ts';
import type { TcpProxy } from '../helpers/proxy.ts';
import { temporaryFolder } from '../helpers/temporary.ts';
import { runKilled } from './job.ts';
import { closedOnce, type Network, networkOf, type Refusal, shortOutage, withoutAbsent } from './terms.ts';

/** Something to write to that nobody else writes to: a topic, a table, a folder. */
export interface Outlet {
  config: object;
  /** What the connector is told by the environment. */
  env?: NodeJS.ProcessEnv;
  /** The `id` of everything that readers see there by now. */
  read(): Promise<number[]>;
}

export interface SinkSuite {
  component: SinkComponent;
  skip?: string | false;
  network?: Network;
  /** A new outlet, which the connector is to reach through the proxy. */
  make(t: TestContext, proxy: TcpProxy, home: string): Promise<Outlet>;
  /** True where commits show nothing before the end of a window. */
  closes?: boolean;
  /** `early`: what is written may be seen before the commit, once. `twice`: and more than once, after a kill. */
  delivery?: 'exactly once' | 'early' | 'twice';
  /** How many elements the test of memory writes, in tens of thousands (default 100,000). */
  many?: number;
  /** Why its kills are tested elsewhere. */
  killedElsewhere?: string;
  /** An element that the outside refuses for good, and why. */
  bad?: { element: string; message: RegExp };
  /** Configs that are refused, and how. */
  refusals?: Record<string, Refusal>;
}

const SECOND = 1000;
const ROW: ElementType = { form: 'row' };

export function describeSink(suite: SinkSuite): void {
  const { component, skip = false, refusals = {} } = suite;
  describe(`${component.name} keeps the contract of a sink`, { skip }, () => {
    describeCommits(suite);
    describeElements(suite);
    if (suite.network) describeOutages(suite);
    describeBounds(suite);
    for (const [what, { config, env, code, message }] of Object.entries(refusals))
      it(`refuses ${what}`, async t => {
        const { open } = await outletOf(t, suite, env);
        await assert.rejects(open(undefined, await config()), { code, message });
      });
  });
}

function describeCommits(suite: SinkSuite): void {
  const { delivery = 'exactly once' } = suite;

  it('shows what is committed, once, however often the commit is repeated', async t => {
    const { open, outlet } = await outletOf(t, suite);
    const sink = await open();
    await writeAll(sink, idsUpTo(1000));
    const position = copyOf(await sink.prepare());
    if (delivery === 'exactly once') assert.deepEqual(await outlet.read(), []);
    await sink.commit();
    await sink.commit();
    assert.deepEqual(await read(outlet), suite.closes ? [] : idsUpTo(1000));
    // As after a kill between the commit and whatever follows it.
    await sink.close(false);
    const second = await open(position);
    await second.commit();
    await writeAll(second, idsUpTo(500, 1000));
    await finish(second);
    await second.close(true);
    assert.deepEqual(await read(outlet), idsUpTo(1500));
  });

  it('makes up for a commit that was not reached, and forgets what follows the checkpoint', async t => {
    const { open, outlet } = await outletOf(t, suite);
    const sink = await open();
    await writeAll(sink, idsUpTo(1000));
    const position = copyOf(await sink.prepare());
    if (delivery === 'exactly once') await writeAll(sink, idsUpTo(200, 1000));
    await sink.close(false);
    const second = await open(position);
    await second.commit();
    await writeAll(second, idsUpTo(200, 1000));
    await finish(second);
    await second.close(true);
    assert.deepEqual(await read(outlet), idsUpTo(1200));
  });

  it(`is killed at every step of a job, and each element is there ${delivery === 'twice' ? 'at least' : 'exactly'} once`, {
    skip: suite.killedElsewhere,
  }, async t => {
    const { outlet, home } = await outletOf(t, suite);
    const ids = idsUpTo(5000);
    const input = join(home, 'in.ndjson');
    for (const id of ids) appendFileSync(input, `${rowOf(id)}\n`);
    const summary = await runKilled(
      {
        home,
        env: outlet.env,
        source: { type: 'ReadFromJson', config: { path: input } },
        sink: { type: suite.component.name, config: outlet.config },
      },
      ids.length,
    );
    assert.deepEqual([summary.elements.read, summary.elements.written], [ids.length, ids.length]);
    const found = await read(outlet);
    assert.deepEqual(delivery === 'twice' ? [...new Set(found)] : found, ids);
  });
}

function describeElements(suite: SinkSuite): void {
  it('gives back the elements that are refused for good, with the reason, and writes the others', async t => {
    const { bad } = suite;
    if (!bad) return t.skip('it takes every element');
    const { open, outlet } = await outletOf(t, suite);
    const sink = await open();
    const texts = idsUpTo(300).map(id => (id % 100 === 50 ? bad.element : rowOf(id)));
    const failed = (await sink.write(batchOf(texts)))?.failed ?? batchOf([]);
    await finish(sink);
    assert.deepEqual(textsOf(failed), Array(3).fill(bad.element));
    for (const failure of failed.failures ?? []) assert.match(failure.message, bad.message);
    assert.deepEqual(
      await read(outlet),
      idsUpTo(300).filter(id => id % 100 !== 50),
    );
  });
}

function describeOutages(suite: SinkSuite): void {
  it('says by name that the server cannot be reached', async t => {
    const { open, proxy } = await outletOf(t, suite);
    await proxy.refuse();
    await assert.rejects(open(), { code: 'SERVICE_UNREACHABLE' });
  });

  it('loses and doubles nothing when the server is gone for a while', t => sinkOutage(t, suite));

  it('survives connections that break while it commits', async t => {
    const { open, outlet, proxy } = await outletOf(t, suite);
    const sink = await open();
    for (let i = 0; i < 5; i++) {
      await writeAll(sink, idsUpTo(1000, i * 1000));
      const cutting = setInterval(() => proxy.cut(), 7);
      const stop = setTimeout(() => clearInterval(cutting), 40);
      await sink.prepare();
      await sink.commit();
      clearInterval(cutting);
      clearTimeout(stop);
    }
    await finish(sink);
    const found = await read(outlet);
    assert.deepEqual(suite.delivery === 'twice' ? [...new Set(found)] : found, idsUpTo(5000));
  });

  it('lets itself be closed while the server is silent', async t => {
    const { open, proxy } = await outletOf(t, suite);
    const sink = await open();
    proxy.stall();
    const before = Date.now();
    await sink.close(false);
    assert.ok(Date.now() - before < 15 * SECOND, `it took ${Date.now() - before} ms`);
    await proxy.restore();
  });
}

/** Writes on without the server, and with it again: everything is there, and nothing twice. */
export async function sinkOutage(t: TestContext, suite: SinkSuite, outage = shortOutage): Promise<void> {
  const { open, outlet, proxy } = await outletOf(t, suite);
  const sink = await open();
  await writeAll(sink, idsUpTo(2000));
  await outage.begin(() => proxy.refuse());
  const rest = writeAll(sink, idsUpTo(2000, 2000)).then(() => finish(sink));
  rest.catch(() => {});
  await outage.end(() => proxy.restore());
  await rest;
  const found = await read(outlet);
  assert.deepEqual(suite.delivery === 'twice' ? [...new Set(found)] : found, idsUpTo(4000));
}

const MAX_GROWTH_BYTES = 200 << 20;

function describeBounds(suite: SinkSuite): void {
  const { many = 100_000 } = suite;
  it(`writes ${many} elements in bounded memory`, async t => {
    const { open, outlet } = await outletOf(t, suite);
    const sink = await open();
    const before = process.memoryUsage().rss;
    let most = before;
    for (let from = 0; from < many; from += 10_000) {
      await writeAll(sink, idsUpTo(10_000, from));
      await sink.prepare();
      await sink.commit();
      most = Math.max(most, process.memoryUsage().rss);
    }
    await finish(sink);
    await sink.close(true);
    assert.ok(most - before < MAX_GROWTH_BYTES, `memory grew by ${(most - before) >> 20} MiB`);
    assert.equal((await read(outlet)).length, many);
  });
}

const idsUpTo = (count: number, from = 0): number[] => Array.from({ length: count }, (_, i) => from + i);
const rowOf = (id: number): string => JSON.stringify({ id, name: `name ${id}` });
const copyOf = (position: Json): Json => JSON.parse(JSON.stringify(position));

async function read(outlet: Outlet): Promise<number[]> {
  return (await outlet.read()).sort((a, b) => a - b);
}

async function writeAll(sink: Sink, ids: number[]): Promise<void> {
  for (let i = 0; i < ids.length; i += 1000) {
    const metadata = ids.slice(i, i + 1000).map(id => ({ messageId: `m${id}` }));
    const result = await sink.write(batchOf(ids.slice(i, i + 1000).map(rowOf), { metadata }));
    assert.deepEqual(result?.failed?.failures?.slice(0, 1) ?? [], []);
  }
}

/** What the engine does when there is nothing more to come. */
async function finish(sink: Sink): Promise<void> {
  sink.advance?.(Number.POSITIVE_INFINITY);
  await sink.prepare();
  await sink.commit();
}

async function outletOf(t: TestContext, suite: SinkSuite, env: NodeJS.ProcessEnv = {}) {
  const proxy = await networkOf(t, suite);
  const home = await temporaryFolder(t);
  const outlet = await suite.make(t, proxy, home);
  const config = loadConfig({ SLUICE_HOME: home, ...outlet.env, ...env });
  const settings = { config, input: ROW, inputs: [{ type: ROW }] };
  const open = async (restored?: Json, more: object = {}): Promise<Sink> => {
    const context = contextOf(join(home, 'job'), { ...settings, jobId: `job-${proxy.port}`, restored });
    const sink = await suite.component.open(withoutAbsent({ ...outlet.config, ...more }), context);
    return closedOnce(t, sink);
  };
  return { outlet: { ...outlet, env: { ...outlet.env, ...env } }, home, proxy, open };
}
