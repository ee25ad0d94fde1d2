/** A stand-in for Splunk's HTTP Event Collector, as a process that can be killed. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { freePort, type Lifetime, type Service, serviceFolder, startProcess } from './service.ts';

export const HEC_TOKEN = '11111111-2222-3333-4444-555555555555';

export interface Collector extends Service {
  url: string;
  /** All events that it has taken. */
  events(): Record<string, unknown>[];
}

/** @param mode `ack`: with indexer acknowledgment; `busy`: every third request is turned away */
export async function startCollector(
  t: Lifetime,
  mode: 'plain' | 'ack' | 'busy' = 'plain',
): Promise<Collector> {
  const file = join(await serviceFolder(t), 'events.ndjson');
  const port = await freePort();
  const program = join(import.meta.dirname, 'hec-server.ts');
  const service = await startProcess(t, {
    name: 'the event collector',
    port,
    command: process.execPath,
    args: ['--disable-warning=ExperimentalWarning', program, String(port), file, mode],
    ready: log => log.includes('collector is ready'),
  });
  return {
    ...service,
    url: `http://127.0.0.1:${port}`,
    events() {
      const lines = readFileSync(file, { encoding: 'utf8', flag: 'a+' }).split('\n').slice(0, -1);
      return lines.map(line => JSON.parse(line));
    },
  };
}
