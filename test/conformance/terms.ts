/** What both suites speak of. */
import type { TestContext } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import type { ErrorCode } from '../../src/errors.ts';
import { atEnd } from '../helpers/at-end.ts';
import { startProxy, type Target, type TcpProxy } from '../helpers/proxy.ts';

/** What a component refuses to be opened with: keys of its config, over a good one. */
export interface Refusal {
  config(): object | Promise<object>;
  env?: NodeJS.ProcessEnv;
  code: ErrorCode;
  message: RegExp;
}

/** A time without the server. */
export interface Outage {
  begin(leave: () => unknown): Promise<void>;
  end(comeBack: () => Promise<void>): Promise<void>;
}

/** As long as is quickly tested; test/faults/long-outages.test.ts has what lasts as long as the contract says. */
export const shortOutage: Outage = {
  async begin(leave) {
    await leave();
  },
  async end(comeBack) {
    await sleep(2000);
    await comeBack();
  },
};

/** What is undefined in a refused config is left out of it. */
export const withoutAbsent = (config: object): object =>
  Object.fromEntries(Object.entries(config).filter(([, value]) => value !== undefined));

/** The server, which each test gets a proxy to; or a proxy, where the server tells its clients an address. */
export type Network = () => Promise<Target | TcpProxy>;

/** The proxy of one test; to nowhere where there is no network, as for files. */
export async function networkOf(t: TestContext, { network }: { network?: Network }): Promise<TcpProxy> {
  const found = await network?.();
  const proxy = found && 'restore' in found ? found : await startProxy(t, found);
  atEnd(t, () => proxy.restore());
  return proxy;
}

/** The part itself, whose `close` works once: it is called by the test, and else after it. */
export function closedOnce<Part extends { close(ended: boolean): Promise<void> }>(
  t: TestContext,
  part: Part,
): Part {
  const close = part.close.bind(part);
  let closing: Promise<void> | undefined;
  part.close = ended => {
    closing ??= close(ended);
    return closing;
  };
  atEnd(t, () => part.close(false).catch(() => {}));
  return part;
}
