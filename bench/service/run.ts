/** The service under load: lists with many jobs, the start of a job, requests a second, memory over many jobs. */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fillStore, measureListing } from './listing.ts';
import { measureMemory } from './memory.ts';
import { measureRates } from './rates.ts';
import { serving } from './server.ts';
import { measureStarting } from './starting.ts';

const folder = mkdtempSync(join(tmpdir(), 'sluice-bench-'));
process.on('exit', () => rmSync(folder, { recursive: true, force: true }));

await measureStarting(folder);
const home = join(folder, 'listing');
fillStore(home);
await serving({ home }, async server => {
  await measureRates(server);
  await measureListing(server);
});
await serving({ home: join(folder, 'memory') }, measureMemory);
process.exit();
