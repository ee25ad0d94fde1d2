/** What every source does, whatever it reads: one suite, run against the real server of each connector. */
import assert from 'node:assert/strict';
import { globSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, it, type TestContext } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { loadConfig } from '../../src/config.ts';
import type { Batch } from '../../src/engine/batch.ts';
import type { Json, Source, SourceComponent } from '../../src/engine/component.ts';
import { contextOf, textsOf } from '../helpers/pipeline.ts';
import type { TcpProxy } from '../helpers/proxy.ts';
import { temporaryFolder } from '../helpers/temporary.ts';
import { runKilled } from './job.ts';
import { closedOnce, type Network, networkOf, type Refusal, shortOutage, withoutAbsent } from './terms.ts';

/** Something to read that nobody else reads: a topic, a table, a folder. */
export interface Place {
  config: object;
  /** What the connector is told by the environment. */
  env?: NodeJS.ProcessEnv;
  /** Adds elements. */
  fill(texts: readonly string[]): Promise<void>;
  /** How many elements the server has for who comes next; absent where reading changes nothing in it. */
  waiting?(): Promise<number>;
}

export interface SourceSuite {
  component: SourceComponent;
  skip?: string | false;
  network?: Network;
  /** A new place, which the connector is to reach through the proxy. */
  make(t: TestContext, proxy: TcpProxy, home: string): Promise<Place>;
  /** The text that was given to `fill`, of an element; absent: the element itself. */
  textOf?(element: string): string;
  /** Configs that are refused, and how. */
  refusals?: Record<string, Refusal>;
  /** True when it ends by itself, so that all there is must be there before. */
  bounded?: boolean;
  /** True when its server goes on sending to connections that broke: the network falls silent instead. */
  keepsBroken?: boolean;
  /** Why its kills are tested elsewhere. */
  killedElsewhere?: string;
  /** True when it copies everything to a file first, and reads that. */
  staged?: boolean;
  /** How many elements the test of memory reads (default 100,000). */
  many?: number;
}

const SECOND = 1000;
const SHARE = 200;

export function describeSource(suite: SourceSuite): void {
  const { component, skip = false, refusals = {} } = suite;
  describe(`${component.name} keeps the contract of a source`, { skip }, () => {
    describePositions(suite);
    if (suite.network) describeOutages(suite);
    describeBounds(suite);
    for (const [what, { config, code, message, env }] of Object.entries(refusals))
      it(`refuses ${what}`, async t => {
        const { open } = await placeOf(t, suite, env);
        await assert.rejects(open(undefined, await config()), { code, message });
      });
  });
}

function describePositions(suite: SourceSuite): void {
  it('goes on after every position, with each element once', async t => {
    const { open, place } = await placeOf(t, suite);
    const texts = textsUpTo(5000);
    await place.fill(texts);
    const found: string[] = [];
    let position: Json | undefined;
    while (found.length < texts.length) {
      const source = await open(position);
      const batch = await readOne(source);
      found.push(...elementsOf(suite, batch));
      position = JSON.parse(JSON.stringify(source.snapshot()));
      await source.acknowledge?.();
      await source.close(false);
    }
    assert.deepEqual(found.sort(), texts);
    const last = await open(position);
    assert.ok(!(await givesMore(last)), 'something comes after the last');
  });

  it('gives again what was read after the last position', async t => {
    const { open, place } = await placeOf(t, suite);
    const texts = textsUpTo(2000);
    await place.fill(texts);
    const first = await open();
    const position = first.snapshot();
    await readCount(suite, first, 1500);
    await first.close(false);
    const second = await open(position);
    assert.deepEqual((await readCount(suite, second, texts.length)).sort(), texts);
  });

  it('is killed at every step of a job, and each element arrives exactly once', {
    skip: suite.killedElsewhere,
  }, async t => {
    const { place, home } = await placeOf(t, suite);
    const texts = textsUpTo(9 * SHARE);
    if (suite.bounded) await place.fill(texts);
    const output = join(home, 'out/part');
    const summary = await runKilled(
      {
        home,
        env: place.env,
        source: { type: suite.component.name, config: place.config },
        sink: { type: 'WriteToJson', config: { path: output } },
      },
      texts.length,
      async (run, runs) => {
        const share = Math.ceil(texts.length / runs);
        if (!suite.bounded) await place.fill(texts.slice(run * share, (run + 1) * share));
      },
    );
    const lines = globSync(`${output}*`).flatMap(file => readFileSync(file, 'utf8').split('\n').slice(0, -1));
    assert.deepEqual(
      lines.map(line => suite.textOf?.(line) ?? Object.values(JSON.parse(line))[0]).sort(),
      texts,
    );
    assert.deepEqual([summary.elements.read, summary.elements.written], [texts.length, texts.length]);
    if (place.waiting) assert.equal(await place.waiting(), 0);
  });

  it('acknowledges after the checkpoint, and not before', async t => {
    const { open, place } = await placeOf(t, suite);
    const { waiting } = place;
    if (!waiting) return t.skip('reading changes nothing there');
    await place.fill(textsUpTo(500));
    const first = await open();
    await readCount(suite, first, 500);
    first.snapshot();
    await first.close(false);
    assert.equal(await waiting(), 500);
    const second = await open();
    await readCount(suite, second, 500);
    second.snapshot();
    await second.acknowledge?.();
    await second.close(false);
    assert.equal(await waiting(), 0);
  });

  it('lets itself be interrupted and closed while it waits', async t => {
    const { open, place } = await placeOf(t, suite);
    await place.fill(textsUpTo(10));
    const source = await open();
    await readCount(suite, source, 10);
    const before = Date.now();
    const got = await source.read(AbortSignal.timeout(100));
    assert.ok(got === (suite.bounded ? 'end' : 'idle'), `it gives ${got}`);
    await source.close(true);
    assert.ok(Date.now() - before < 5 * SECOND, `it took ${Date.now() - before} ms`);
  });
}

function describeOutages(suite: SourceSuite): void {
  it('says by name that the server cannot be reached', async t => {
    const { open, proxy } = await placeOf(t, suite);
    await proxy.refuse();
    await assert.rejects(open(), { code: 'SERVICE_UNREACHABLE' });
  });

  it('loses nothing when the server is gone for a while', t => sourceOutage(t, suite));

  it('lets itself be closed while the server is silent', async t => {
    const { open, place, proxy } = await placeOf(t, suite);
    await place.fill(textsUpTo(100));
    const source = await open();
    await readOne(source);
    proxy.stall();
    const read = source.read(AbortSignal.timeout(100));
    const before = Date.now();
    await read;
    await source.close(false);
    assert.ok(Date.now() - before < 15 * SECOND, `it took ${Date.now() - before} ms`);
    await proxy.restore();
  });
}

/** Reads on without the server, and with it again: nothing is missing, nothing comes twice. */
export async function sourceOutage(t: TestContext, suite: SourceSuite, outage = shortOutage): Promise<void> {
  const { open, place, proxy } = await placeOf(t, suite);
  const texts = textsUpTo(20_000);
  await place.fill(texts);
  const source = await open();
  const found = await readCount(suite, source, 1);
  await outage.begin(() => (suite.keepsBroken ? proxy.stall() : proxy.refuse()));
  const rest = readCount(suite, source, texts.length - found.length);
  rest.catch(() => {});
  await outage.end(() => proxy.restore());
  assert.deepEqual([...found, ...(await rest)].sort(), texts);
  source.snapshot();
  await source.acknowledge?.();
}

const MANY_BYTES = 500;
const MAX_UNREAD_BYTES = 48 << 20;
const MAX_GROWTH_BYTES = 200 << 20;

function describeBounds(suite: SourceSuite): void {
  const { many = 100_000, staged = false } = suite;
  it(`reads ${many} elements in bounded memory, and no more from the server than is taken`, async t => {
    const { open, place, proxy } = await placeOf(t, suite);
    const padding = 'x'.repeat(MANY_BYTES);
    for (let i = 0; i < many; i += 10_000)
      await place.fill(textsUpTo(Math.min(10_000, many - i), i).map(text => `${text} ${padding}`));
    const source = await open();
    await readOne(source);
    const before = process.memoryUsage().rss;
    let seen = -1;
    while (seen !== proxy.bytesDown) {
      seen = proxy.bytesDown;
      await sleep(300);
    }
    assert.ok(staged || seen < MAX_UNREAD_BYTES, `${seen >> 20} MiB came that nobody asked for`);
    let count = 0;
    let most = 0;
    const signal = AbortSignal.timeout(60 * SECOND);
    for (let sinceSnapshot = 0; ; ) {
      const batch = await source.read(signal);
      if (batch === 'end' || (batch === 'idle' && (signal.aborted || count > 0))) break;
      if (batch === 'idle') continue;
      count += batch.count;
      sinceSnapshot += batch.count;
      most = Math.max(most, process.memoryUsage().rss);
      if (sinceSnapshot >= 20_000) {
        source.snapshot();
        await source.acknowledge?.();
        sinceSnapshot = 0;
      }
      if (count >= many * 0.95) break;
    }
    assert.ok(count >= many * 0.9, `only ${count} came`);
    assert.ok(most - before < MAX_GROWTH_BYTES, `memory grew by ${(most - before) >> 20} MiB`);
  });
}

/** Texts whose order is that of their numbers. */
function textsUpTo(count: number, from = 0): string[] {
  return Array.from({ length: count }, (_, i) => `element ${String(from + i).padStart(7, '0')}`);
}

async function placeOf(t: TestContext, suite: SourceSuite, env: NodeJS.ProcessEnv = {}) {
  const proxy = await networkOf(t, suite);
  const home = await temporaryFolder(t);
  const place = await suite.make(t, proxy, home);
  const config = loadConfig({ SLUICE_HOME: home, ...place.env, ...env });
  const open = async (restored?: Json, more: object = {}): Promise<Source> => {
    const context = contextOf(join(home, 'job'), { config, streaming: !suite.bounded, restored });
    const source = await suite.component.open(withoutAbsent({ ...place.config, ...more }), context);
    return closedOnce(t, source);
  };
  return { place: { ...place, env: { ...place.env, ...env } }, home, proxy, open };
}

async function readOne(source: Source): Promise<Batch> {
  const signal = AbortSignal.timeout(30 * SECOND);
  while (!signal.aborted) {
    const got = await source.read(signal);
    if (got === 'end') break;
    if (got !== 'idle') return got;
  }
  throw new Error('nothing came');
}

async function readCount(suite: SourceSuite, source: Source, count: number): Promise<string[]> {
  const signal = AbortSignal.timeout(90 * SECOND);
  const found: string[] = [];
  while (found.length < count) {
    const got = await source.read(signal);
    if (got === 'end' || signal.aborted) break;
    if (got !== 'idle') found.push(...elementsOf(suite, got));
  }
  if (found.length < count) throw new Error(`only ${found.length} of ${count} elements came`);
  return found;
}

const elementsOf = ({ textOf = text => text }: SourceSuite, batch: Batch): string[] =>
  textsOf(batch).map(textOf);

async function givesMore(source: Source): Promise<boolean> {
  const got = await source.read(AbortSignal.timeout(300));
  return typeof got !== 'string';
}
