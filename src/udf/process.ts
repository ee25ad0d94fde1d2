/** Starts the child process of a UDF and speaks frames with it. */
import { spawn } from 'node:child_process';
import type { Socket } from 'node:net';
import { programArguments } from '../program.ts';
import { HEADER_BYTES, headerOf, wordAt } from './frames.ts';

const PROGRAM = new URL('./child/main.ts', import.meta.url);
/**
 * `--no-opt` closes the class of loops that V8's optimised code runs past both time and memory limit;
 * `--single-threaded-gc` keeps collectors off the cores of the other children; isolated-vm asks for the first.
 */
const FLAGS = ['--no-node-snapshot', '--expose-gc', '--no-opt', '--single-threaded-gc'];
/** More than any honest child sends at once: a batch of outputs, the largest output, and what describes them. */
const MAX_FRAME_BYTES = 512 * 1024 * 1024;

export interface Child {
  readonly pid: number;
  send(sections: Uint8Array[]): void;
  kill(): void;
  /** Resolves when the process is gone. */
  readonly exited: Promise<void>;
}

export interface ChildEvents {
  onFrame(frame: Buffer): void;
  /** It is gone, and this is how; the last event. */
  onExit(how: string): void;
}

export function startChild({ onFrame, onExit }: ChildEvents): Child {
  const child = spawn(process.execPath, programArguments(PROGRAM, FLAGS), {
    env: {},
    cwd: '/',
    stdio: ['ignore', 'ignore', 'ignore', 'pipe'],
  });
  // A pair of sockets, in the child the blocking descriptor 3: its standard streams are not ours to trust.
  const pipe = child.stdio[3] as Socket;
  const kill = () => child.kill('SIGKILL');
  const { promise: exited, resolve: noteExit } = Promise.withResolvers<void>();
  let ended = false;
  const end = (how: string) => {
    noteExit();
    if (ended) return;
    ended = true;
    kill();
    onExit(how);
  };
  // A child that dies while it is written to is reported by its exit.
  pipe.on('error', () => {});
  pipe.on('data', frameReader(onFrame, kill));
  child.on('close', (status, signal) => end(signal ?? `status ${status}`));
  child.on('error', error => end(error.message));
  return {
    pid: child.pid ?? 0,
    send(sections) {
      pipe.cork();
      for (const section of sections) if (section.length > 0) pipe.write(section);
      pipe.uncork();
    },
    kill,
    exited,
  };
}

/** Puts frames together from the pieces that come; each frame has a buffer of its own. */
function frameReader(onFrame: (frame: Buffer) => void, onNonsense: () => void): (piece: Buffer) => void {
  const header = Buffer.allocUnsafeSlow(HEADER_BYTES);
  let frame = header;
  let filled = 0;
  return piece => {
    for (let at = 0; at < piece.length; ) {
      const taken = piece.copy(frame, filled, at);
      at += taken;
      filled += taken;
      if (filled < frame.length) return;
      if (frame === header) {
        const frameBytes = wordAt(headerOf(header), 0);
        if (frameBytes < HEADER_BYTES || frameBytes % 8 !== 0 || frameBytes > MAX_FRAME_BYTES) {
          onNonsense();
          return;
        }
        frame = Buffer.allocUnsafeSlow(frameBytes);
        header.copy(frame);
        if (frameBytes > HEADER_BYTES) continue;
      }
      const complete = frame;
      frame = header;
      filled = 0;
      onFrame(complete);
    }
  };
}
