/** Keeps the embedded Pub/Sub at work while containers need it, which cannot start it themselves. */
import { connect } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import { ensurePubsub } from '../../cloud/pubsub/service.ts';
import type { Config } from '../../config.ts';

export interface PubsubKeeper {
  /** One more container needs it: it runs when this resolves. */
  hold(): Promise<void>;
  release(): void;
}

const AGAIN_MS = 1000;

export function pubsubKeeper(config: Config): PubsubKeeper {
  let holders = 0;
  let held: (() => void) | undefined;

  /** A connection is open all the time, so that it does not end for want of clients; when it breaks, it is started again. */
  const keep = async (): Promise<void> => {
    const leaving = new AbortController();
    held = () => leaving.abort();
    while (!leaving.signal.aborted) {
      const { host } = await ensurePubsub(config).catch(() => ({ host: undefined }));
      if (host !== undefined) await connected(host, leaving.signal);
      await sleep(AGAIN_MS, undefined, { signal: leaving.signal }).catch(() => {});
    }
  };

  return {
    async hold() {
      await ensurePubsub(config);
      if (holders++ === 0) void keep();
    },
    release() {
      if (--holders === 0) held?.();
    },
  };
}

/** Resolves when the connection is closed. */
function connected(host: string, signal: AbortSignal): Promise<void> {
  const [address = '', port] = host.split(':');
  return new Promise(resolve => {
    const socket = connect({ host: address, port: Number(port) });
    signal.addEventListener('abort', () => socket.destroy(), { once: true });
    socket.on('error', () => socket.destroy());
    socket.on('close', () => resolve());
    socket.unref();
  });
}
