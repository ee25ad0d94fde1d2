/**
 * A process that uses a store until it is killed: `writer.ts HOME open | insert NAME… | write ID | migrate`. It says on
 * standard output, a line each, what has been committed.
 */
import { writeSync } from 'node:fs';
import { asSluiceError } from '../../src/errors.ts';
import { openDatabase } from '../../src/store/database.ts';
import { openStore } from '../../src/store/store.ts';
import { aRecord } from './a-record.ts';

const [home = '', task = '', ...given] = process.argv.slice(2);
const say = (line: string | number) => writeSync(1, `${line}\n`);

/** A step that is never done. */
const ENDLESS = `CREATE TABLE half (value BLOB) STRICT;
  WITH RECURSIVE numbers (n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM numbers)
  INSERT INTO half SELECT randomblob(4096) FROM numbers;`;

try {
  if (task === 'migrate') openDatabase({ home }, ['CREATE TABLE kept (value TEXT) STRICT', ENDLESS]);
  const { jobs, messages, progress } = openStore({ home });
  if (task === 'open') say('opened');
  if (task === 'insert')
    for (const name of given) {
      try {
        jobs.insert(aRecord({ name }));
        say(name);
      } catch (error) {
        say(asSluiceError(error).code);
      }
    }
  if (task === 'write') {
    const [jobId = ''] = given;
    for (let count = 1; ; count++) {
      jobs.change(jobId, { restarts: jobs.require(jobId).restarts + 1 });
      messages.add([{ jobId, time: count, severity: 'INFO', text: `message ${count}` }]);
      progress.save(jobId, { counters: {}, time: count });
      say(count);
    }
  }
} catch (error) {
  const { code, message } = asSluiceError(error);
  say(`${code} ${message}`);
}
