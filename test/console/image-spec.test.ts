/** Flex templates in images, launched from the path of their spec, on a real engine. */
import assert from 'node:assert/strict';
import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { oddSpec, startPrograms, wordsSpec } from '../launchers/docker/programs/programs.ts';
import { missing } from '../services/index.ts';
import { shared } from '../services/service.ts';
import { type ConsoleBench, openConsole } from './parts.ts';

const skip = missing('docker');
const programs = shared(startPrograms);
const place = (spec: string) => `/templates/${encodeURIComponent(spec)}/launch`;

/** A bucket that containers may write, with what a program is to read and its spec. */
async function serving(t: TestContext, spec: object): Promise<ConsoleBench & { bucket: string }> {
  const { host } = await programs();
  const bench = await openConsole(t, { config: { dockerHost: host } });
  const bucket = join(bench.home, 'cloud/gs/bucket');
  await mkdir(join(bucket, 'in'), { recursive: true });
  await writeFile(join(bucket, 'in/a.txt'), 'to be or not to be\n');
  await writeFile(join(bucket, 'spec.json'), JSON.stringify(spec));
  return { ...bench, bucket };
}

const idIn = ({ headers }: { headers: Headers }): string =>
  decodeURIComponent(headers.get('location')?.replace('/jobs/', '') ?? '');

test('a program has the form that its spec tells, and runs from there', { skip }, async t => {
  const { get, submit, ended, bucket } = await serving(t, await wordsSpec());
  const spec = 'gs://bucket/spec.json';
  const form = (await get(place(spec))).text;
  assert.match(form, /<label for="p\.input">[^<]*<span class="required">/);
  assert.doesNotMatch(form, />Preview</);
  assert.doesNotMatch(form, /name="others"/);
  assert.match(
    form,
    /gcloud dataflow flex-template run[\s\S]*--template-file-gcs-location gs:\/\/bucket\/spec\.json/,
  );
  const fields = { jobName: 'words', 'p.input': 'gs://bucket/in', 'p.output': 'gs://bucket/out' };
  const lacking = await submit(place(spec), { ...fields, 'p.input': '', action: 'launch' });
  assert.equal(lacking.status, 400);
  assert.match(lacking.text, /href="#p\.input">[^<]*<\/a> is required/);
  assert.match((await submit(place(spec), { ...fields, action: 'preview' })).text, /is in an image/);
  assert.match((await submit(place(spec), { ...fields, action: 'validate' })).text, /This can be launched/);
  const id = idIn(await submit(place(spec), { ...fields, action: 'launch' }));
  assert.equal((await ended(id)).state, 'DONE');
  assert.equal(await readFile(join(bucket, 'out/words.txt'), 'utf8'), 'be 2\nnot 1\nor 1\nto 2\n');
  const job = (await get(`/jobs/${id}`)).text;
  assert.ok(job.includes(`href="${place(spec)}?from=${id}">Clone`));
  assert.match((await get(`${place(spec)}?from=${id}`)).text, /name="p\.input" value="gs:\/\/bucket\/in\/?"/);
  assert.match((await get(`/jobs/${id}?tab=workers`)).text, new RegExp(`sluice-${id}-0`));
});

test('what a program takes of which its spec says nothing is given in lines', { skip }, async t => {
  const { get, submit, ended } = await serving(t, oddSpec('1', { streaming: false }));
  const spec = 'gs://bucket/spec.json';
  assert.match((await get(place(spec))).text, /<textarea id="others"/);
  const fields = { jobName: 'odd', others: 'mode=silent\noutput=gs://bucket/odd\nnote=a=b' };
  const checked = await submit(place(spec), { ...fields, action: 'check' });
  assert.match(
    checked.text,
    /mode&#x3D;silent\noutput&#x3D;gs:\/\/bucket\/odd\nnote&#x3D;a&#x3D;b<\/textarea>/,
  );
  assert.match(checked.text, /--parameters note&#x3D;a&#x3D;b/);
  const id = idIn(await submit(place(spec), { ...fields, action: 'launch' }));
  const { parameters } = await ended(id);
  assert.deepEqual(parameters, { mode: 'silent', output: 'gs://bucket/odd', note: 'a=b' });
  const clone = (await get(`${place(spec)}?from=${id}`)).text;
  assert.match(clone, />mode&#x3D;silent\noutput&#x3D;gs:\/\/bucket\/odd\nnote&#x3D;a&#x3D;b<\/textarea>/);
});
