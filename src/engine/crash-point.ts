/**
 * Places where the fault tests kill the worker. `SLUICE_CRASH_AT=file.rename:3` kills the process with SIGKILL
 * as it passes `file.rename` for the third time; unset, as it always is outside the tests, nothing happens.
 */
export const crashPoints = [
  'source.read',
  'stage.write',
  'checkpoint.quiesced',
  'checkpoint.prepared',
  'checkpoint.written',
  'checkpoint.saved',
  'file.rename',
  'file.renamed',
  'checkpoint.committed',
  'source.acknowledged',
] as const;

export type CrashPoint = (typeof crashPoints)[number];

const [target, times = '1'] = (process.env.SLUICE_CRASH_AT ?? '').split(':');
let left = Number(times);

export function crashPoint(name: CrashPoint): void {
  if (name === target && --left === 0) process.kill(process.pid, 'SIGKILL');
}
