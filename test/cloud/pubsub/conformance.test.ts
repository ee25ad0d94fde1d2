import { servePubsub } from '../../../src/cloud/pubsub/server.ts';
import { describePubsub } from '../../conformance/pubsub.ts';
import { atEnd } from '../../helpers/at-end.ts';
import { missing } from '../../services/index.ts';
import { startPubsub } from '../../services/pubsub.ts';
import { type Lifetime, serviceFolder } from '../../services/service.ts';

describePubsub('the embedded Pub/Sub', startEmbedded, { strict: true });

describePubsub("Google's Pub/Sub emulator", startPubsub, { skip: missing('pubsub') });

async function startEmbedded(lifetime: Lifetime): Promise<{ address: string }> {
  const directory = await serviceFolder(lifetime);
  const server = await servePubsub({ directory, ports: [0], identity: 'test' });
  atEnd(lifetime, () => server.close());
  return { address: `127.0.0.1:${server.port}` };
}
