/** Runs the tests that a template file carries, on real files and topics. */
import { randomBytes } from 'node:crypto';
import { glob, mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join, relative } from 'node:path';
import { isDeepStrictEqual } from 'node:util';
import { leadsUp } from './kinds/path.ts';
import type { TemplateTest } from './meta-schema.ts';
import type { Template } from './template.ts';

export interface TestMessage {
  payload: string;
  attributes: Record<string, string>;
}

/** What a job came to. */
export interface TestRun {
  state: string;
  elements: { read: number; written: number; filtered: number; deadLettered: number };
  /** Why it failed. */
  error?: string;
}

/** What a test needs from outside the catalog: jobs, and a Pub/Sub that nobody else uses. */
export interface TestRunner {
  /** Runs a template to its end; drains it once it has read `drainAfter` elements. */
  run(templateId: string, parameters: Record<string, unknown>, drainAfter?: number): Promise<TestRun>;
  createSubscription(subscription: string, topic: string): Promise<void>;
  publish(topic: string, messages: TestMessage[]): Promise<void>;
  /** All messages of a subscription; waits some time for `expected` of them. */
  pull(subscription: string, expected: number): Promise<TestMessage[]>;
  /** All rows of a table, each as its JSON text. */
  rows(table: string): Promise<string[]>;
}

export interface TestResult {
  name: string;
  /** What was not as expected; none: it passed. */
  failures: string[];
  milliseconds: number;
}

/** Runs one test of a template in a folder of its own, which is gone afterwards. */
export async function runTemplateTest(
  { id }: Pick<Template, 'id'>,
  test: TemplateTest,
  runner: TestRunner,
): Promise<TestResult> {
  const started = performance.now();
  const temp = await mkdtemp(join(tmpdir(), 'sluice-test-'));
  const names = { temp, run: randomBytes(4).toString('hex') };
  let failures: string[];
  try {
    failures = await runSteps(id, fillIn(test, names), temp, runner);
  } catch (error) {
    failures = [error instanceof Error ? describeError(error) : String(error)];
  } finally {
    await rm(temp, { recursive: true, force: true });
  }
  return { name: test.name, failures, milliseconds: performance.now() - started };
}

async function runSteps(id: string, test: TemplateTest, temp: string, runner: TestRunner): Promise<string[]> {
  const { files = {}, subscriptions = {}, publish = {}, parameters, drainAfter, expect } = test;
  for (const [name, content] of Object.entries(files)) await writeLines(within(temp, name), content);
  for (const [subscription, topic] of Object.entries(subscriptions))
    await runner.createSubscription(subscription, String(topic));
  for (const [topic, messages] of Object.entries(publish))
    await runner.publish(topic, messages.map(messageOf));

  const run = await runner.run(id, parameters, drainAfter);
  const failures: string[] = [];
  if (run.error !== undefined) return [run.error];
  if (expect.state !== undefined && run.state !== expect.state)
    failures.push(`the job is ${run.state}, not ${expect.state}`);
  for (const name of ['read', 'written', 'filtered', 'deadLettered'] as const) {
    const expected = expect.elements?.[name];
    if (expected !== undefined && run.elements[name] !== expected)
      failures.push(`${name}: ${run.elements[name]} elements, not ${expected}`);
  }
  for (const [pattern, lines] of Object.entries(expect.files ?? {}))
    failures.push(...compare(pattern, lines, await readAll(temp, pattern)));
  for (const [subscription, expected] of Object.entries(expect.messages ?? {})) {
    const messages = await runner.pull(subscription, expected.length);
    const found = messages.map(message => ({ text: message.payload, value: message }));
    failures.push(...compare(subscription, expected, found));
  }
  for (const [table, expected] of Object.entries(expect.tables ?? {})) {
    const rows = await runner.rows(table);
    failures.push(
      ...compare(
        table,
        expected,
        rows.map(text => ({ text, value: parseJson(text) })),
      ),
    );
  }
  return failures;
}

/** `{{temp}}` and `{{run}}` (a name no other run has) filled in; other braces are the test's own. */
function fillIn<T>(value: T, names: Record<string, string>): T {
  const fill = (text: string) => text.replace(/\{\{(temp|run)\}\}/g, (_, name: string) => names[name] ?? '');
  const walk = (each: unknown): unknown => {
    if (typeof each === 'string') return fill(each);
    if (Array.isArray(each)) return each.map(walk);
    if (typeof each !== 'object' || each === null) return each;
    return Object.fromEntries(Object.entries(each).map(([key, item]) => [fill(key), walk(item)]));
  };
  return walk(value) as T;
}

function within(folder: string, name: string): string {
  if (leadsUp(name) || name.startsWith('/')) throw new Error(`${name} lies outside of the test's folder`);
  return join(folder, name);
}

async function writeLines(file: string, content: unknown): Promise<void> {
  await mkdir(dirname(file), { recursive: true });
  await writeFile(file, Array.isArray(content) ? content.map(line => `${line}\n`).join('') : String(content));
}

/** The lines of the files that match the pattern. */
async function readAll(folder: string, pattern: string): Promise<Found[]> {
  const lines: string[] = [];
  for await (const file of glob(relative(folder, within(folder, pattern)), { cwd: folder })) {
    const text = await readFile(join(folder, file), 'utf8');
    lines.push(...text.split('\n').slice(0, text.endsWith('\n') ? -1 : undefined));
  }
  return lines.map(text => ({ text, value: parseJson(text) }));
}

type Expected = string | Record<string, unknown>;

/** A line or a message that a test finds. */
interface Found {
  /** What an expected text is compared with. */
  text: string;
  /** What an expected mapping is a part of. */
  value: unknown;
}

/** Each expectation takes one of what was found; what is left on either side is a failure. */
function compare(where: string, expected: readonly Expected[], found: readonly Found[]): string[] {
  const left = [...found];
  const missing = expected.filter(each => {
    const index = left.findIndex(({ text, value }) =>
      typeof each === 'string' ? text === each : holds(value, each),
    );
    if (index >= 0) left.splice(index, 1);
    return index < 0;
  });
  return [
    ...missing.map(each => `${where} lacks ${typeof each === 'string' ? each : JSON.stringify(each)}`),
    ...left.map(({ text }) => `${where} has ${text}, which is not expected`),
  ];
}

/** True when everything that `part` says is so in `whole`; a text holds the JSON it is. */
function holds(whole: unknown, part: unknown): boolean {
  if (typeof part !== 'object' || part === null || Array.isArray(part)) return isDeepStrictEqual(whole, part);
  const value = typeof whole === 'string' ? parseJson(whole) : whole;
  if (typeof value !== 'object' || value === null) return false;
  return Object.entries(part).every(
    ([key, item]) => Object.hasOwn(value, key) && holds(Reflect.get(value, key), item),
  );
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return text;
  }
}

const messageOf = (each: string | Record<string, unknown>): TestMessage =>
  typeof each === 'string'
    ? { payload: each, attributes: {} }
    : { payload: String(each.payload ?? ''), attributes: { ...(each.attributes as Record<string, string>) } };

function describeError(error: Error): string {
  const violations = 'violations' in error && Array.isArray(error.violations) ? error.violations : [];
  return [error.message, ...violations.map(({ subject, message }) => `${subject}: ${message}`)].join('; ');
}
