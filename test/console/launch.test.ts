import assert from 'node:assert/strict';
import { globSync, readFileSync } from 'node:fs';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { test } from 'node:test';
import { assertAccessible, browser } from '../helpers/browser.ts';
import { missing } from '../services/index.ts';
import { aRecord } from '../store/a-record.ts';
import { HOSTILE, MADE, openConsole, records, streamInto } from './parts.ts';

const openPage = browser();
const skip = missing('chromium');
const form = '/templates/GCS_Text_to_GCS_Text/launch';
const SECRET = 'hunter-2-of-the-database';

test('what is wrong is told at its field, and nothing that was typed is lost', async t => {
  const { submit, folder, service } = await openConsole(t);
  const fields = {
    action: 'launch',
    jobName: 'Not A Name',
    'p.inputFilePattern': join(folder, `${HOSTILE}.txt`),
    'p.numShards': 'many',
  };
  const refused = await submit(form, fields);
  assert.equal(refused.status, 400);
  assert.doesNotMatch(refused.text, MADE);
  const [, shards = ''] = /id="field-numShards">([\s\S]*?)<div class="help"/.exec(refused.text) ?? [];
  assert.match(shards, /value="many"[^>]*aria-invalid="true"[\s\S]*class="fault"/);
  assert.match(refused.text, /<a href="#p\.outputDirectory">Output directory<\/a> is required/);
  assert.match(refused.text, /value="Not A Name"/);
  assert.match(refused.text, /&lt;img src&#x3D;x onerror/);
  const fields2 = { ...fields, 'p.numShards': '2', 'p.outputDirectory': join(folder, 'out') };
  const named = await submit(form, fields2);
  assert.match(named.text, /<a href="#jobName">jobName<\/a> must match the pattern/);
  const outside = await submit(form, { ...fields2, jobName: 'fine', 'p.inputFilePattern': '/etc/passwd' });
  assert.equal(outside.status, 400);
  assert.match(outside.text, /role="alert"[\s\S]*\/etc\/passwd/);
  const workers = await submit(form, { ...fields2, jobName: 'fine', numWorkers: '1e9' });
  assert.match(workers.text, /numWorkers<\/a> must be a whole number from 1 to 64/);
  assert.equal((await submit(form, { ...fields2, action: 'dance' })).status, 400);
  assert.equal(service.store.jobs.list({}, 10).items.length, 0);
});

test('validating opens the source: one that is not there is told before the launch', async t => {
  const { submit, folder, service } = await openConsole(t);
  const fields = { action: 'validate', jobName: 'fine', 'p.outputDirectory': join(folder, 'out') };
  const input = join(folder, 'in.txt');
  const missing = await submit(form, { ...fields, 'p.inputFilePattern': input });
  assert.equal(missing.status, 400);
  assert.match(missing.text, /there is no file[^<]*in\.txt/);
  await writeFile(input, 'a line\n');
  assert.match((await submit(form, { ...fields, 'p.inputFilePattern': input })).text, /This can be launched/);
  assert.equal(service.store.jobs.list({}, 10).items.length, 0);
});

test('while a form is filled in only what was given is judged, and the commands are the same launch', async t => {
  const { submit } = await openConsole(t);
  const fields = { action: 'check', jobName: 'words', numWorkers: '2', 'p.numShards': '-1' };
  const { text, status } = await submit(form, { ...fields, 'p.inputFilePattern': "it's here.txt" });
  assert.equal(status, 200);
  assert.equal([...text.matchAll(/class="fault"/g)].length, 1);
  assert.match(text, /--job-name words/);
  assert.match(text, /--num-workers 2/);
  // As a shell takes it, and HTML.
  assert.match(text, /inputFilePattern&#x3D;it&#x27;\\&#x27;&#x27;s here\.txt|it&#x27;s here\.txt/);
});

test('a secret comes back neither in the form nor in a command, and a clone asks for it again', async t => {
  const { submit, get, service } = await openConsole(t);
  const path = '/templates/Jdbc_to_PubSub/launch';
  const fields = { action: 'check', jobName: 'tables', 'p.password': SECRET, 'p.connectionURL': SECRET };
  for (const action of ['check', 'validate', 'preview', 'launch']) {
    const { text, headers } = await submit(path, { ...fields, action });
    assert.doesNotMatch(text, new RegExp(SECRET), action);
    assert.doesNotMatch(headers.get('location') ?? '', new RegExp(SECRET));
  }
  const { text } = await submit(path, fields);
  assert.match(text, /password&#x3D;secret:\/\/env\/PASSWORD/);
  const named = await submit(path, { ...fields, 'p.password': 'secret://env/DB' });
  assert.match(named.text, /password&#x3D;secret:\/\/env\/DB/);
  const parameters = {
    password: 'secret://job/password',
    username: 'ada',
    connectionURL: 'secret://env/URL',
  };
  const record = aRecord({ templateId: 'Jdbc_to_PubSub', parameters });
  service.store.jobs.insert(record);
  const clone = (await get(`${path}?from=${record.id}`)).text;
  assert.doesNotMatch(clone, /secret:\/\/job/);
  assert.match(clone, /name="p\.username" value="ada"/);
});

test('an address fills the form in, a clone and an update take the job that is named', async t => {
  const { get, launch, until, folder } = await openConsole(t);
  const given = await get(`${form}?inputFilePattern=${encodeURIComponent(HOSTILE)}&numShards=3&nothing=1`);
  assert.match(given.text, /name="p\.numShards" value="3"/);
  assert.match(given.text, /<details id="more-\d+" open>/);
  assert.doesNotMatch(given.text, MADE);
  const id = await launch('Streaming_Data_Generator', 'events', streamInto(join(folder, 'out'), 7));
  await until(id, 'RUNNING');
  const clone = (await get(`/templates/Streaming_Data_Generator/launch?from=${id}`)).text;
  assert.match(clone, /name="p\.qps" value="7"/);
  assert.doesNotMatch(clone, /name="jobName" value="events"/);
  const update = (await get(`/templates/Streaming_Data_Generator/launch?from=${id}&update=true`)).text;
  assert.match(update, /<h1>Update /);
  assert.match(update, /name="jobName" value="events"[^>]*readonly/);
  assert.match(update, /--update/);
  for (const query of ['from=nobody', 'from=', 'update=true', 'from=%00&update=x'])
    assert.equal((await get(`/templates/Streaming_Data_Generator/launch?${query}`)).status, 200, query);
  assert.equal((await get('/templates/Nothing/launch')).status, 404);
});

test('labels and containers are in the job and the commands, and what is wrong with them at their fields', async t => {
  const { submit, get, service, folder } = await openConsole(t, { maxJobs: 0 });
  const fields = {
    ...{ 'p.inputFilePattern': await records(join(folder, 'in.ndjson'), 1), 'p.outputDirectory': folder },
    ...{ jobName: 'labelled', labels: 'team=events, cost=data', numWorkers: '2' },
  };
  const contained = { ...fields, launcher: 'docker', memory: '512MiB', cpus: '1' };
  const { text } = await submit(form, { ...contained, action: 'check' });
  assert.match(text, /--labels team&#x3D;events \\\n {2}--labels cost&#x3D;data/);
  assert.match(text, /--launcher docker \\\n {2}--memory 512MiB \\\n {2}--cpus 1/);
  assert.match(text, /--additional-user-labels team&#x3D;events,cost&#x3D;data/);
  assert.match(text, /additionalPipelineOptions&quot;:\[&quot;launcher&#x3D;docker&quot;/);
  for (const [changed, field, why] of [
    [{ labels: 'Team=x' }, 'labels', 'Team is no label'],
    [{ memory: 'much' }, 'memory', 'is from 64MiB'],
    [{ cpus: '1e9' }, 'cpus', 'is from 0.01'],
    [{ launcher: 'cart' }, 'launcher', 'is process or docker'],
    [{ numWorkers: '0' }, 'numWorkers', 'must be a whole number'],
  ] as const) {
    const refused = await submit(form, { ...contained, ...changed, action: 'launch' });
    const [, at = ''] = new RegExp(`id="${field}" ([\\s\\S]*?)</div>`).exec(refused.text) ?? [];
    assert.match(at, new RegExp(`aria-invalid="true"[\\s\\S]*class="fault" role="alert">[^<]*${why}`));
  }
  const { headers } = await submit(form, { ...fields, action: 'launch' });
  const id = decodeURIComponent(headers.get('location')?.replace('/jobs/', '') ?? '');
  assert.partialDeepStrictEqual(service.store.jobs.require(id).labels, { team: 'events', cost: 'data' });
  const clone = (await get(`${form}?from=${id}`)).text;
  assert.match(clone, /name="labels" value="team&#x3D;events, cost&#x3D;data"/);
  assert.match(clone, /name="numWorkers" value="2"/);
});

test('a spec has a form of its own, and its jobs are cloned from there', async t => {
  const { get, submit, folder, ended } = await openConsole(t);
  const spec = join(folder, 'words.json');
  await writeFile(spec, JSON.stringify({ image: 'sluice://Word_Count' }));
  await writeFile(join(folder, 'in.txt'), 'one two two');
  const place = `/templates/${encodeURIComponent(spec)}/launch`;
  const asked = await get(`/templates?spec=${encodeURIComponent(spec)}`, { redirect: 'manual' });
  assert.equal(asked.headers.get('location'), place);
  const { text } = await get(place);
  assert.match(text, /<h1>Launch Word count<\/h1>/i);
  assert.ok(text.includes(`action="${place}"`));
  assert.ok(text.includes(`sluice launch ${spec} \\\n`));
  const fields = {
    jobName: 'words',
    'p.inputFile': join(folder, 'in.txt'),
    'p.output': join(folder, 'out/words'),
  };
  assert.match((await submit(place, { ...fields, action: 'validate' })).text, /This can be launched/);
  const { headers } = await submit(place, { ...fields, action: 'launch' });
  const id = decodeURIComponent(headers.get('location')?.replace('/jobs/', '') ?? '');
  assert.equal((await ended(id)).state, 'DONE');
  assert.match((await get(`/jobs/${id}`)).text, new RegExp(`launch\\?from=${id}">Clone`));
  for (const [path, status] of [
    [join(folder, 'nowhere.json'), 404],
    [join(folder, 'in.txt'), 501],
    ['/etc/passwd', 403],
  ] as const)
    assert.equal((await get(`/templates/${encodeURIComponent(path)}/launch`)).status, status, path);
  const unslashed = await get('/templates?spec=words.json', { redirect: 'manual' });
  assert.equal(unslashed.headers.get('location'), '/templates/.%2Fwords.json/launch');
});

test('containers are offered only where an engine answers', async t => {
  const { get } = await openConsole(t, { maxJobs: 0, config: { dockerHost: 'unix:///nowhere/docker.sock' } });
  const { text } = await get(form);
  assert.match(text, /name="labels"/);
  assert.doesNotMatch(text, /name="launcher"/);
});

test('who may only look sees the form, and launches nothing whatever is sent', async t => {
  const { get, submit, service } = await openConsole(t, { as: 'viewer' });
  const { text, status } = await get(form);
  assert.equal(status, 200);
  assert.match(text, /value="launch" disabled/);
  assert.match(text, /launching needs the role operator/);
  assert.equal((await get('/templates/.%2Fmine.json/launch')).status, 403);
  assert.equal((await submit(form, { action: 'check' })).status, 200);
  for (const action of ['launch', 'validate', 'preview'])
    assert.equal((await submit(form, { action, 'p.inputFilePattern': 'x' })).status, 403, action);
  assert.equal(service.store.jobs.list({}, 10).items.length, 0);
});

test('a user fills the form in wrongly, sees why, mends it, previews, launches and is at the job', {
  skip,
}, async t => {
  const { url, folder, ended } = await openConsole(t);
  const input = await records(join(folder, 'in.ndjson'), 40, { note: '<script>alert(1)</script>' });
  const udf = join(folder, 'mark.js');
  await writeFile(
    udf,
    `function mark(text) {
  const row = JSON.parse(text);
  if (row.id === 1) throw new Error('no one');
  return row.id === 2 ? null : JSON.stringify({ ...row, seen: true });
}`,
  );
  const page = await openPage(t, { url, allowed: [/status of 400/] });
  await page.goto('/templates');
  await page.getByRole('searchbox').pressSequentially('text files to text');
  await page.getByRole('link', { name: 'Text files to text files' }).click();
  await page.getByRole('link', { name: 'Launch' }).click();
  await assertAccessible(page);
  await page.getByLabel('Name', { exact: true }).fill('marked');
  await page.getByRole('textbox', { name: /^Input files/ }).fill(input);
  await page.getByRole('combobox', { name: /^JavaScript UDF/ }).fill(udf);
  const shards = page.locator('#field-numShards');
  await page.locator('details', { has: shards }).locator('summary').click();
  await shards.getByRole('textbox').fill('many');
  await shards.getByRole('textbox').press('Tab');
  // It is told where it stands, before anything is asked for; of what is still missing nothing is told yet.
  await shards.locator('.fault').waitFor();
  assert.equal(await page.locator('.fault').count(), 1);
  await shards.getByRole('textbox').fill('2');
  await shards.getByRole('textbox').press('Tab');
  await shards.locator('.fault').waitFor({ state: 'detached' });
  await page.getByRole('button', { name: 'Launch', exact: true }).click();
  await page.locator('#field-javascriptTextTransformFunctionName .fault').waitFor();
  await page.locator('[id="p.javascriptTextTransformFunctionName"]').fill('mark');
  await page.getByRole('alert').getByRole('link', { name: 'Output directory' }).click();
  assert.equal(await page.getByRole('combobox', { name: /^JavaScript UDF/ }).inputValue(), udf);
  await page.getByRole('textbox', { name: /^Output directory/ }).fill(join(folder, 'out'));
  await page.getByRole('button', { name: 'Preview' }).click();
  const preview = page.getByRole('region', { name: 'Preview' });
  await preview.getByText('Nothing was written').waitFor();
  const texts = await preview.locator('.previewed').allInnerTexts();
  assert.match(texts[0] ?? '', /Written[\s\S]*<script>alert\(1\)<\/script>[\s\S]*"seen": true/);
  assert.match(texts[1] ?? '', /Dead letter[\s\S]*no one[\s\S]*mark\.js:3/);
  assert.match(texts[2] ?? '', /Filtered/);
  await assertAccessible(page);
  await page.getByRole('button', { name: 'Validate' }).click();
  await page.getByText('This can be launched.').waitFor();
  await page.getByRole('button', { name: 'Launch', exact: true }).click();
  await page.waitForURL('**/jobs/*');
  await page.getByRole('heading', { name: 'marked' }).waitFor();
  const id = decodeURIComponent(page.url().split('/').at(-1) ?? '');
  const { result } = await ended(id);
  assert.deepEqual(result?.elements, { read: 40, written: 38, filtered: 1, deadLettered: 1 });
  await page.getByText('DONE', { exact: true }).waitFor();
  await page.locator('.figures .written', { hasText: '38' }).waitFor();
  await assertAccessible(page);
  const written = globSync(join(folder, 'out/output*')).map(path => readFileSync(path, 'utf8'));
  assert.equal(written.join('').trim().split('\n').length, 38);
});

test('a field that is needed on a condition appears with it, and without scripts is always there', {
  skip,
}, async t => {
  const { url } = await openConsole(t, { maxJobs: 0 });
  const place = '/templates/Streaming_Data_Generator/launch';
  const page = await openPage(t, { url });
  await page.goto(place);
  const topic = page.locator('#field-topic');
  const folder = page.locator('#field-outputDirectory');
  await topic.waitFor();
  assert.ok(await folder.isHidden());
  await page.locator('select[name="p.sinkType"]').selectOption('GCS');
  await folder.waitFor();
  await topic.waitFor({ state: 'hidden' });
  // What was given stays in sight, whatever is chosen then.
  await folder.getByRole('textbox').fill('gs://bucket/out/');
  await page.locator('select[name="p.sinkType"]').selectOption('PUBSUB');
  await topic.waitFor();
  assert.ok(await folder.isVisible());
  const plain = await openPage(t, { url, runsScripts: false });
  await plain.goto(place);
  assert.ok(await plain.locator('#field-outputDirectory').isVisible());
});

test('without scripts a form is filled in, refused, mended and launched', { skip }, async t => {
  const { url, folder, ended } = await openConsole(t);
  const input = await records(join(folder, 'in.ndjson'), 5);
  const page = await openPage(t, { url, runsScripts: false, width: 360, allowed: [/status of 400/] });
  await page.goto(`${form}?inputFilePattern=${encodeURIComponent(input)}`);
  await page.getByRole('button', { name: 'Launch', exact: true }).click();
  await page.locator('#field-outputDirectory .fault').waitFor();
  await page.getByRole('textbox', { name: /^Output directory/ }).fill(join(folder, 'out'));
  await page.getByRole('button', { name: 'Launch', exact: true }).click();
  await page.waitForURL('**/jobs/*');
  await ended(decodeURIComponent(page.url().split('/').at(-1) ?? ''));
  await page.reload();
  await page.getByText('DONE', { exact: true }).waitFor();
});
