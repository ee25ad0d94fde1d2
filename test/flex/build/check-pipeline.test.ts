import assert from 'node:assert/strict';
import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { loadConfig } from '../../../src/config.ts';
import { checkPipeline } from '../../../src/flex/build/check-pipeline.ts';
import { packTemplate } from '../../../src/flex/build/pack.ts';
import { flexExample } from '../../helpers/flex.ts';
import { temporaryFolder } from '../../helpers/temporary.ts';

/** Checks the example, with its file changed. */
async function check(t: TestContext, change: (text: string) => string = text => text): Promise<void> {
  const config = loadConfig({ SLUICE_HOME: await temporaryFolder(t) });
  const folder = await flexExample(t);
  const file = join(folder, 'template.yaml');
  await writeFile(file, change(await readFile(file, 'utf8')));
  const { template } = await packTemplate(config, folder);
  await checkPipeline(config, template);
}

test('a pipeline that can be launched is right, also where its parameters have no examples', async t => {
  await check(t);
  await check(t, text => text.replaceAll(/^ +examples:.*\n(?: +- .*\n)*/gm, ''));
});

test('a fault of the pipeline is told with its place in the file of the user, before there is an image', async t => {
  for (const without of [false, true])
    await assert.rejects(
      check(t, text => {
        const faulty = text.replace(/type: ReadFromText/, 'type: ReadFromNowhere');
        assert.notEqual(faulty, text);
        return without ? faulty.replaceAll(/^ +examples:.*\n(?: +- .*\n)*/gm, '') : faulty;
      }),
      { code: 'PIPELINE_INVALID', message: /\/places\/template\.yaml:\d+:\d+: .*ReadFromNowhere/ },
    );
});
