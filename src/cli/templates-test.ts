/** `sluice templates test`: runs the tests that template files carry. */
import { styleText } from 'node:util';
import { loadCatalog } from '../catalog/catalog.ts';
import type { Template } from '../catalog/template.ts';
import { runTemplateTest, type TestResult } from '../catalog/template-test.ts';
import { loadConfig } from '../config.ts';
import { printJson } from './output.ts';
import { withTestRunner } from './template-runner.ts';

/** Tests one template, or all; a failed test makes the exit status 1. */
export async function testTemplates(id: string | undefined, { json }: { json?: boolean }): Promise<void> {
  const templates = await templatesToTest(id);
  const results: ({ template: string } & TestResult)[] = [];
  await withTestRunner(async runner => {
    for (const template of templates) {
      for (const test of template.tests) {
        const result = await runTemplateTest(template, test, runner);
        results.push({ template: template.id, ...result });
        if (!json) process.stdout.write(resultText(template.id, result));
      }
    }
  });
  const failed = results.filter(({ failures }) => failures.length > 0).length;
  if (json) printJson({ passed: results.length - failed, failed, tests: results });
  else process.stdout.write(`\n${results.length - failed} passed, ${failed} failed\n`);
  if (failed > 0) process.exitCode = 1;
}

async function templatesToTest(id: string | undefined): Promise<Template[]> {
  const catalog = await loadCatalog(loadConfig());
  if (id !== undefined) return [await catalog.find(id)];
  const all = await catalog.list();
  return Promise.all(all.map(each => catalog.find(each.id)));
}

function resultText(id: string, { name, failures, milliseconds }: TestResult): string {
  const mark = failures.length === 0 ? styleText('green', 'pass') : styleText('red', 'FAIL');
  const lines = [`${mark}  ${id}: ${name} (${Math.round(milliseconds)} ms)`];
  return `${[...lines, ...failures.map(failure => `      ${failure}`)].join('\n')}\n`;
}
