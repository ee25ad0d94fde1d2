/** The log of the server: one JSON object a line, with the id of the request and of the job it is about. */
import { basename, dirname } from 'node:path';
import { type DestinationStream, type Logger, pino } from 'pino';
import { createStream } from 'rotating-file-stream';

export type Log = Logger;

export interface LogOptions {
  /** Absent: stderr. */
  file?: string;
  /** How large the file may grow, and how many full ones are kept. */
  fileMegabytes?: number;
  files?: number;
  level?: string;
}

/** Opens the log; a file is rotated by size, and the oldest is removed. */
export function openLog(options: LogOptions = {}): { log: Log; close(): Promise<void> } {
  const { file, fileMegabytes = 50, files = 5, level = 'info' } = options;
  if (file === undefined) {
    const log = logTo(pino.destination({ fd: 2, sync: true }), level);
    return { log, close: async () => {} };
  }
  const stream = createStream(basename(file), {
    path: dirname(file),
    size: `${fileMegabytes}M`,
    maxFiles: files,
    mode: 0o600,
  });
  const log = logTo(stream, level);
  // A disk without room is no reason to stop: what is asked goes on, and stderr says why the file is silent.
  stream.on('error', error => process.stderr.write(`sluice: the log ${file}: ${error.message}\n`));
  return { log, close: () => new Promise(resolve => stream.end(resolve)) };
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
