/** The log of the server: one JSON object a line, with the id of the request and of the job it is about. */
import { once } from 'node:events';
import { basename, dirname, resolve } from 'node:path';
import { type DestinationStream, type Logger, pino } from 'pino';
import { createStream, type Options, type RotatingFileStream } from 'rotating-file-stream';
import { makeFolder } from '../engine/folders.ts';
import { SluiceError } from '../errors.ts';

export type Log = Logger;

export interface LogOptions {
  /** Absent: stderr. */
  file?: string;
  /** How large the file may grow, and how many full ones are kept. */
  fileMegabytes?: number;
  files?: number;
  level?: string;
}

export interface OpenLog {
  log: Log;
  close(): Promise<void>;
}

/** Opens the log; a file is rotated by size, and the oldest is removed. @throws SluiceError OUTPUT_UNWRITABLE */
export async function openLog(options: LogOptions = {}): Promise<OpenLog> {
  const { file, fileMegabytes = 50, files = 5, level = 'info' } = options;
  if (file === undefined) {
    const log = logTo(pino.destination({ fd: 2, sync: true }), level);
    return { log, close: async () => {} };
  }
  const stream = await openFile(file, { size: `${fileMegabytes}M`, maxFiles: files }).catch(error => {
    throw new SluiceError('OUTPUT_UNWRITABLE', `the log ${file} cannot be written: ${error.message}`, {
      cause: error,
    });
  });
  const log = logTo(stream, level);
  // A disk without room is no reason to stop: what is asked goes on, and stderr says why the file is silent.
  stream.on('error', error => process.stderr.write(`sluice: the log ${file}: ${error.message}\n`));
  return { log, close: () => new Promise(resolve => stream.end(resolve)) };
}

async function openFile(file: string, options: Options): Promise<RotatingFileStream> {
  const path = dirname(resolve(file));
  await makeFolder(path);
  const stream = createStream(basename(file), { ...options, path, mode: 0o600 });
  await once(stream, 'open');
  return stream;
}

/** A log that writes to this stream; what could be a secret is left out. */
export const logTo = (stream: DestinationStream, level = 'info'): Log =>
  pino(
    {
      level,
      base: undefined,
      timestamp: pino.stdTimeFunctions.isoTime,
      redact: ['authorization', '*.authorization', '*.headers', '["x-goog-api-key"]', 'token', '*.token'],
      formatters: { level: label => ({ level: label }) },
    },
    stream,
  );
