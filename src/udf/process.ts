/** Starts the child process of a UDF and speaks frames with it. */
import { spawn } from 'node:child_process';
import type { Socket } from 'node:net';
import { programArguments } from '../program.ts';
import { FLAG_TRAY, FRAME, HEADER_BYTES, headerOf, wordAt } from './frames.ts';
import { closeTray, openTray, putDown, TRAY_PLACES, takeUp } from './tray.ts';

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
  /** Sends a batch frame; `underWay` batches, it among them, have no final result yet. */
  sendBatch(sections: Uint8Array[], underWay: number): void;
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
  const tray = openTray();
  const child = spawn(process.execPath, programArguments(PROGRAM, FLAGS), {
    env: {},
    cwd: '/',
    stdio: ['ignore', 'ignore', 'ignore', 'pipe', tray ?? 'ignore'],
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
    closeTray(tray);
    kill();
    onExit(how);
  };
  // A child that dies while it is written to is reported by its exit.
  pipe.on('error', () => {});
  const onNote = (frame: Buffer) => {
    if (wordAt(headerOf(frame), 1) !== FRAME.tray) onFrame(frame);
    else {
      const taken = tray !== undefined && !ended && takeUp(tray, 'result', frame, Buffer.allocUnsafeSlow);
      if (taken) onFrame(taken);
      else kill();
    }
  };
  pipe.on('data', frameReader(onNote, kill));
  child.on('close', (status, signal) => end(signal ?? `status ${status}`));
  child.on('error', error => end(error.message));
  let batches = 0;
  const send = (sections: Uint8Array[]) => {
    pipe.cork();
    for (const section of sections) if (section.length > 0) pipe.write(section);
    pipe.uncork();
  };
  return {
    pid: child.pid ?? 0,
    send,
    sendBatch(sections, underWay) {
      const place = batches++ % TRAY_PLACES;
      const isFree = tray !== undefined && !ended && underWay < TRAY_PLACES;
      if (isFree) allowTray(sections);
      const note = isFree ? putDown(tray, 'batch', place, sections) : undefined;
      send(note ? [note] : sections);
    },
    kill,
    exited,
  };
}

/** Tells the child, in the header of a batch frame, that its first result may be put into the tray. */
function allowTray([header]: Uint8Array[]): void {
  const words = headerOf(header as Buffer);
  words[5] = wordAt(words, 5) | FLAG_TRAY;
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
