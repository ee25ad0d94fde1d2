/** The call by which a service of one folder is told from any other program on its port. */
import { Client, credentials } from '@grpc/grpc-js';

export const HEALTH_PATH = '/sluice.pubsub.Health/Identity';

const TIMEOUT_MS = 3000;

/** The identity of the service at `host:port`, or undefined when none answers there. */
export function identityAt(host: string): Promise<string | undefined> {
  const client = new Client(host, credentials.createInsecure(), {
    'grpc.enable_http_proxy': 0,
    // Else the failure of an earlier call to this port would be the answer of this one for a while.
    'grpc.use_local_subchannel_pool': 1,
  });
  const same = (bytes: Buffer) => bytes;
  return new Promise(resolve => {
    const deadline = Date.now() + TIMEOUT_MS;
    client.makeUnaryRequest(HEALTH_PATH, same, same, Buffer.alloc(0), { deadline }, (error, answer) => {
      client.close();
      resolve(error || !answer ? undefined : answer.toString());
    });
  });
}
