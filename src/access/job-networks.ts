/** The networks that containers of jobs are in: what comes from there is a job's doing, and commands no server. */
import { BlockList, isIP } from 'node:net';
import { SluiceError } from '../errors.ts';

/** By the name of the network, e.g. `172.18.0.0/16`. */
const networks = new Map<string, readonly string[]>();
let addresses = new BlockList();

/** From now on nobody in these subnets is answered; none when the network is no more. */
export function noteJobNetwork(name: string, subnets: readonly string[]): void {
  networks.set(name, subnets);
  if (subnets.length === 0) networks.delete(name);
  addresses = new BlockList();
  for (const subnet of [...networks.values()].flat()) {
    const [address = '', prefix] = subnet.split('/');
    if (isIP(address)) addresses.addSubnet(address, Number(prefix), familyOf(address));
  }
}

/** True for the address of a job's container, also as a socket of both families shows it. */
export function isOfJob(address: string | undefined): boolean {
  const plain = (address ?? '').replace(/^::ffff:/i, '');
  return isIP(plain) !== 0 && addresses.check(plain, familyOf(plain));
}

/** @param peer `address:port`. @throws SluiceError PERMISSION_DENIED */
export function requireNoJob(peer: string): void {
  if (isOfJob(peer.slice(0, peer.lastIndexOf(':'))))
    throw new SluiceError('PERMISSION_DENIED', 'Containers of jobs are not answered.');
}

const familyOf = (address: string): 'ipv4' | 'ipv6' => (isIP(address) === 6 ? 'ipv6' : 'ipv4');
