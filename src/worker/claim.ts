/** One process at a time works in a folder: it holds a lock there, which ends with it, whatever it dies of. */
import { closeSync, constants, mkdirSync, openSync, renameSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { identify, identityText, isRunning, type ProcessIdentity, readIdentity } from './identity.ts';

/** Exit status of a worker that found its folder claimed by another one. */
export const TAKEN_STATUS = 75;
/** Exit status of a worker that could not even write why it ended. */
export const DISK_FULL_STATUS = 28;

/** What SQLite says of a file that another process has locked. */
const SQLITE_BUSY = 5;

const AFRESH =
  constants.O_WRONLY | constants.O_CREAT | constants.O_TRUNC | constants.O_NOFOLLOW | constants.O_NONBLOCK;

/** Held for as long as the process lives: a lock that is collected as garbage would be none. */
const held = new Set<DatabaseSync>();

const pidFile = (directory: string): string => join(directory, 'pid');

/** Gives the function that frees the folder again; undefined while another process has it. */
export function claim(directory: string): (() => void) | undefined {
  mkdirSync(directory, { recursive: true });
  const lock = new DatabaseSync(join(directory, 'lock'));
  try {
    lock.exec('PRAGMA locking_mode = EXCLUSIVE; BEGIN EXCLUSIVE');
  } catch (error) {
    lock.close();
    if (error instanceof Error && 'errcode' in error && error.errcode === SQLITE_BUSY) return undefined;
    throw error;
  }
  held.add(lock);
  const self = identify(process.pid);
  if (self) replaceText(pidFile(directory), identityText(self));
  return () => {
    held.delete(lock);
    lock.close();
  };
}

/** The process that works in a folder; undefined when none does. */
export function holderOf(directory: string): ProcessIdentity | undefined {
  const noted = readIdentity(pidFile(directory));
  return noted && isRunning(noted) ? noted : undefined;
}

/** Replaces a small file at once, for those who read it; a crash of the machine may lose it. */
export function replaceText(path: string, text: string): void {
  // Where somebody else may write into the folder, a link would lead our text elsewhere.
  const file = openSync(`${path}.tmp`, AFRESH, 0o600);
  try {
    writeFileSync(file, text);
  } finally {
    closeSync(file);
  }
  renameSync(`${path}.tmp`, path);
}
