import { startGcsBuckets } from '../../helpers/buckets.ts';
import { startProxy } from '../../helpers/proxy.ts';
import { missing } from '../../services/index.ts';
import { type Lifetime, shared } from '../../services/service.ts';
import { describeBuckets } from './describe-buckets.ts';

const reached = shared(async (t: Lifetime) => {
  // The server tells clients where to go on with an upload.
  const proxy = await startProxy(t);
  const server = await startGcsBuckets(t, proxy.port);
  proxy.to(server.service);
  return { server, proxy };
});

describeBuckets('gs', missing('gcs'), reached);
