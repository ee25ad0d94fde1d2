/** `npm run services [install|status] [NAME…]`: the servers that tests run against. */
import { installationOf, installations } from '../test/services/index.ts';

const [verb = 'status', ...names] = process.argv.slice(2);
const chosen = names.length > 0 ? names.map(installationOf) : installations;
for (const each of chosen) {
  const start = Date.now();
  if (verb === 'install' && !each.isInstalled() && !each.impossible()) await each.install();
  const state = each.isInstalled() ? 'installed' : (each.impossible() ?? 'not installed');
  process.stdout.write(
    `${each.name.padEnd(20)}${state.padEnd(16)}${each.what} ${((Date.now() - start) / 1000).toFixed(1)} s\n`,
  );
}
