import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { servePubsub } from '../../../src/cloud/pubsub/server.ts';
import { describePubsub } from '../../conformance/pubsub.ts';
import { emulatorMissing, type Service, startEmulator } from '../../services/pubsub.ts';

describePubsub('the embedded Pub/Sub', startEmbedded, { strict: true });

describePubsub("Google's Pub/Sub emulator", startEmulator, { skip: emulatorMissing() });

async function startEmbedded(): Promise<Service> {
  const directory = await mkdtemp(join(tmpdir(), 'sluice-test-'));
  const server = await servePubsub({ directory, ports: [0], identity: 'test' });
  return {
    host: `127.0.0.1:${server.port}`,
    async stop() {
      server.close();
      await rm(directory, { recursive: true });
    },
  };
}
