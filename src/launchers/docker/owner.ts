/** Who containers run as, and handing folders over to that user. */
import {
  closeSync,
  constants,
  fchownSync,
  lchownSync,
  mkdirSync,
  openSync,
  readdirSync,
  readlinkSync,
  type Stats,
  statSync,
} from 'node:fs';

export interface Owner {
  uid: number;
  gid: number;
}

/** What the root of this machine never is in a container. */
const NOBODY: Owner = { uid: 65_532, gid: 65_532 };

const isRoot = (): boolean => process.getuid?.() === 0;

/** Us; where we are root, a user without any right of its own. */
export function containerOwner(): Owner {
  const uid = process.getuid?.();
  const gid = process.getgid?.();
  return isRoot() || uid === undefined || gid === undefined ? NOBODY : { uid, gid };
}

/**
 * Makes a folder, where it is missing, and gives it to the user of containers with all that is in it. It follows no
 * link: whatever a container has left there leads nowhere else.
 * @param path without links
 */
export function giveFolder(path: string): void {
  mkdirSync(path, { recursive: true });
  if (isRoot()) give(path, NOBODY);
}

/** Gives a single file, or a folder without what is in it, to the user of containers. */
export function giveEntry(path: string): void {
  if (isRoot()) lchownSync(path, NOBODY.uid, NOBODY.gid);
}

function give(path: string, owner: Owner): void {
  const { uid, gid } = owner;
  const folder = openSync(path, constants.O_RDONLY | constants.O_DIRECTORY | constants.O_NOFOLLOW);
  try {
    // By the descriptor it stays this folder, wherever its path leads meanwhile.
    const self = `/proc/self/fd/${folder}`;
    if (!path.startsWith('/proc/') && readlinkSync(self) !== path)
      throw new Error(`${path} has become a link to another folder`);
    fchownSync(folder, uid, gid);
    for (const entry of readdirSync(self, { withFileTypes: true })) {
      const child = `${self}/${entry.name}`;
      if (entry.isDirectory()) give(child, owner);
      else lchownSync(child, uid, gid);
    }
  } finally {
    closeSync(folder);
  }
}

/** Whether the user of containers may read, or write, what is there. */
export function mayUse(path: string, access: 'read' | 'write'): boolean {
  const stats = statSync(path);
  const { uid, gid } = containerOwner();
  if (uid === 0) return true;
  const wanted = (access === 'write' ? 0o2 : 0o4) | (stats.isDirectory() ? 0o1 : 0);
  return (bitsOf(stats, uid, gid) & wanted) === wanted;
}

function bitsOf({ mode, uid, gid }: Stats, ownUid: number, ownGid: number): number {
  if (uid === ownUid) return (mode >> 6) & 7;
  return gid === ownGid ? (mode >> 3) & 7 : mode & 7;
}
