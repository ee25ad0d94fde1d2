/** Runs every case of `yaml/`: each pipeline gives what it states, or is refused with the words it states. */
import assert from 'node:assert/strict';
import { globSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, test } from 'node:test';
import { SluiceError } from '../../src/errors.ts';
import { parseYaml } from '../../src/pipeline/yaml.ts';
import { temporaryFolder } from '../helpers/temporary.ts';
import { CASE_KEYS, type Case, run, wanted } from './yaml-case.ts';

const folder = join(import.meta.dirname, 'yaml');

describe('pipelines with stated outputs', { concurrency: 4 }, () => {
  for (const file of globSync('*/*.yaml', { cwd: folder }).toSorted()) {
    const source = parseYaml(readFileSync(join(folder, file), 'utf8'), file);
    const stated = source as Case;
    test(`${file}: ${stated.title}`, async t => {
      const unknown = Object.keys(stated).filter(key => !CASE_KEYS.includes(key));
      assert.deepEqual(unknown, [], 'keys that no case has');
      assert.ok((stated.expected === undefined) !== (stated.error === undefined), 'either expected or error');
      const running = run(stated, await temporaryFolder(t));
      if (stated.error !== undefined) {
        const message = await running.then(given => `it gave ${JSON.stringify(given)}`, tell);
        assert.ok(message.includes(stated.error), `${message}\n  does not say\n${stated.error}`);
        return;
      }
      const given = await running;
      const expected = wanted(stated, given);
      if (!stated.ordered)
        for (const lines of [...Object.values(given), ...Object.values(expected)]) lines.sort();
      assert.deepEqual(given, expected);
    });
  }
});

/** All that an error says. */
function tell(error: unknown): string {
  if (!(error instanceof SluiceError)) throw error;
  const { message, violations } = error;
  return [message, ...violations.map(each => `${each.subject}: ${each.message}`)].join('\n');
}
