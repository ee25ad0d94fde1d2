/** A server without its interfaces: the store and the supervisor, until it is killed. */
import { loadConfig } from '../../src/config.ts';
import { openSupervisor } from '../../src/jobs/supervisor.ts';
import { openStore } from '../../src/store/store.ts';

const [maxJobs = '8'] = process.argv.slice(2);
const config = loadConfig();
const store = openStore(config);
await openSupervisor({
  config,
  store,
  maxJobs: Number(maxJobs),
  firstRetryMs: 50,
  onFault: (error, jobId) => console.error(jobId, error),
});
console.log('open');
setInterval(() => {}, 1 << 30);
