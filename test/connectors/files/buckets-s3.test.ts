import { startS3Buckets } from '../../helpers/buckets.ts';
import { startProxy } from '../../helpers/proxy.ts';
import { missing } from '../../services/index.ts';
import { type Lifetime, shared } from '../../services/service.ts';
import { describeBuckets } from './describe-buckets.ts';

const reached = shared(async (t: Lifetime) => {
  const server = await startS3Buckets(t);
  return { server, proxy: await startProxy(t, server.service) };
});

describeBuckets('s3', missing('s3'), reached);
