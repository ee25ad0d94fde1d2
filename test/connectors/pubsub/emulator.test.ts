import { atEnd } from '../../helpers/at-end.ts';
import { clientsOf } from '../../helpers/pubsub.ts';
import { missing } from '../../services/index.ts';
import { startPubsub } from '../../services/pubsub.ts';
import { shared } from '../../services/service.ts';
import { describeService } from './describe-service.ts';

const emulator = shared(startPubsub);

describeService(
  async (t, proxy) => {
    const clients = clientsOf((await emulator()).address);
    atEnd(t, clients.close);
    return { clients, env: { PUBSUB_EMULATOR_HOST: proxy.address } };
  },
  // It gives a stream whose connection broke half of all messages, again and again, until their leases are over.
  { skip: missing('pubsub'), network: emulator, many: 20_000, keepsBroken: true },
);
