/** Which process it is: ids are used again, the moment at which a process began is not. */
import { execFileSync } from 'node:child_process';
import { closeSync, constants, openSync, readSync } from 'node:fs';

export interface ProcessIdentity {
  pid: number;
  /** When it began, as its system tells it. */
  began: string;
}

/** The process that has this id now; undefined when there is none, or only its remains. */
export function identify(pid: number): ProcessIdentity | undefined {
  if (!Number.isInteger(pid) || pid <= 0) return undefined;
  const began = process.platform === 'linux' ? beganOnLinux(pid) : beganElsewhere(pid);
  return began === undefined ? undefined : { pid, began };
}

export const isRunning = ({ pid, began }: ProcessIdentity): boolean => identify(pid)?.began === began;

/** As it is kept in a file. */
export const identityText = ({ pid, began }: ProcessIdentity): string => `${pid} ${began}\n`;

/** The process that a file names; undefined when there is no such file, or nothing to be read in it. */
export function readIdentity(path: string): ProcessIdentity | undefined {
  const [, pid, began] = /^(\d+) (.+)\n/.exec(textOf(path)) ?? [];
  return began === undefined ? undefined : { pid: Number(pid), began };
}

/** Behind the name, which may hold anything: the state, and as the twentieth the ticks since the system began. */
function beganOnLinux(pid: number): string | undefined {
  const text = textOf(`/proc/${pid}/stat`);
  const fields = text.slice(text.lastIndexOf(')') + 2).split(' ');
  return fields[0] === 'Z' || fields[0] === 'X' ? undefined : fields[19];
}

function beganElsewhere(pid: number): string | undefined {
  try {
    const said = execFileSync('ps', ['-o', 'stat=,lstart=', '-p', String(pid)], { encoding: 'utf8' });
    const [, state = 'Z', began] = /^\s*(\S+)\s+(.+?)\s*$/.exec(said) ?? [];
    return state.startsWith('Z') ? undefined : began;
  } catch {
    // There is no such process.
    return undefined;
  }
}

/** The beginning of a small file, which may have been put there by anybody. */
function textOf(path: string): string {
  let file: number;
  try {
    file = openSync(path, constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK);
  } catch {
    return '';
  }
  try {
    const bytes = Buffer.alloc(4096);
    return bytes.toString('utf8', 0, readSync(file, bytes));
  } catch {
    // It is no file, or its process has just ended.
    return '';
  } finally {
    closeSync(file);
  }
}
