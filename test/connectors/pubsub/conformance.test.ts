import { servePubsub } from '../../../src/cloud/pubsub/server.ts';
import { atEnd } from '../../helpers/at-end.ts';
import { clientsHere, clientsOf } from '../../helpers/pubsub.ts';
import { type Lifetime, serviceFolder, shared } from '../../services/service.ts';
import { describeService } from './describe-service.ts';

// As jobs find it: started when it is needed.
describeService(async (t, _proxy, home) => ({ clients: await clientsHere(t, { home }) }), { many: 50_000 });

// As one elsewhere, behind a network.
const served = shared(async (t: Lifetime) => {
  const directory = await serviceFolder(t);
  const server = await servePubsub({ directory, ports: [0], identity: 'test' });
  atEnd(t, server.close);
  return { host: '127.0.0.1', port: server.port };
});

describeService(
  async (t, proxy) => {
    const { host, port } = await served();
    const clients = clientsOf(`${host}:${port}`);
    atEnd(t, clients.close);
    return { clients, env: { PUBSUB_EMULATOR_HOST: proxy.address } };
  },
  { network: served, many: 20_000 },
);
