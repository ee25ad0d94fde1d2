/** Runs the tests of a template before an image is made of it, with its scripts as they will be packed. */
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { runTemplateTest } from '../catalog/template-test.ts';
import { SluiceError } from '../errors.ts';
import type { PackedTemplate } from '../flex/build/pack.ts';
import { fileOfScript, withScripts } from '../flex/own-scripts.ts';
import { withTestRunner } from './template-runner.ts';

/** @throws SluiceError TESTS_FAILED with what the first test that fails says */
export async function testPacked(packed: PackedTemplate, tell: (line: string) => void): Promise<void> {
  const { template, scripts } = packed;
  const folder = await mkdtemp(join(tmpdir(), 'sluice-flex-'));
  try {
    for (const { file, source } of scripts) {
      await mkdir(dirname(join(folder, file)), { recursive: true });
      await writeFile(join(folder, file), source);
    }
    const files = new Set(scripts.map(({ file }) => file));
    const staged = withScripts(template, named => {
      const file = fileOfScript(named, files);
      return file === undefined ? undefined : join(folder, file);
    });
    await withTestRunner(async runner => {
      for (const test of template.tests) {
        const { name, failures } = await runTemplateTest(template, test, runner);
        if (failures.length > 0)
          throw new SluiceError('TESTS_FAILED', `the test "${name}" fails: ${failures.join('; ')}`);
        tell(`${name}: passes`);
      }
    }, staged);
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}
