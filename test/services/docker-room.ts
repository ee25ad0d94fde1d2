/** Namespaces of its own for a server that changes the machine: its processes, mounts and network end with the room. */
import { readFileSync } from 'node:fs';
import { networkInterfaces } from 'node:os';
import { descendantsOf } from '../helpers/processes.ts';
import { run } from './installation.ts';
import { type Lifetime, startProcess } from './service.ts';

export interface Room {
  /** Its first process: when that ends, all others in it do. */
  pid: number;
  /** This machine, as seen from inside. */
  gateway: string;
  /** The room, as seen from this machine. */
  address: string;
}

const NAMESPACES = ['--net', '--pid', '--mount', '--mount-proc', '--propagation', 'slave'];
// Sockets of containerd lie at a fixed place.
const FIRST = `set -e
mkdir -p /run/containerd
mount -t tmpfs tmpfs /run/containerd
ip link set lo up
echo the room is open
exec docker-init -s -- sleep infinity`;

export async function openRoom(t: Lifetime): Promise<Room> {
  const outer = await startProcess(t, {
    name: 'the room of namespaces',
    port: 0,
    command: 'unshare',
    args: [...NAMESPACES, '--fork', '--kill-child', 'sh', '-c', FIRST],
    ready: log => log.includes('the room is open'),
  });
  const pid = descendantsOf(outer.pid()).find(isFirst);
  if (pid === undefined) throw new Error('the room of namespaces has closed');
  const { gateway, address } = addressesFor(pid);
  const link = `room${pid}`;
  await run('ip', ['link', 'add', link, 'type', 'veth', 'peer', 'name', 'out', 'netns', String(pid)]);
  await run('ip', ['addr', 'add', `${gateway}/30`, 'dev', link]);
  await run('ip', ['link', 'set', link, 'up']);
  const room = { pid, gateway, address };
  for (const args of [
    ['addr', 'add', `${address}/30`, 'dev', 'out'],
    ['link', 'set', 'out', 'up'],
    ['route', 'add', 'default', 'via', gateway],
  ])
    await run('nsenter', inRoom(room, 'ip', ...args));
  return room;
}

/** Arguments for `nsenter`. */
export const inRoom = ({ pid }: Room, ...command: string[]): string[] => [
  ...['--target', String(pid), '--net', '--pid', '--mount', '--'],
  ...command,
];

const isFirst = (pid: number): boolean => {
  try {
    return /^NSpid:.*\s1$/m.test(readFileSync(`/proc/${pid}/status`, 'utf8'));
  } catch {
    return false;
  }
};

/** Four addresses that no other link of this machine has. */
function addressesFor(pid: number): { gateway: string; address: string } {
  const used = Object.values(networkInterfaces()).flatMap(each => (each ?? []).map(({ address }) => address));
  for (let block = pid % BLOCKS; ; block = (block + 1) % BLOCKS) {
    const [third, fourth] = [block >> 6, (block & 63) << 2];
    const [gateway, address] = [1, 2].map(last => `${NETWORK}.${third}.${fourth + last}`);
    if (gateway && address && !used.includes(gateway)) return { gateway, address };
  }
}

const NETWORK = '10.213';
const BLOCKS = 1 << 14;
