/** What every verb prints alike: one JSON document on stdout with `--json`, one clear line for an error. */
import { asSluiceError, errorKinds } from '../errors.ts';
import { harmless } from './tables.ts';

export function printJson(value: unknown): void {
  process.stdout.write(`${JSON.stringify(value, undefined, 2)}\n`);
}

/** Tells the error on stderr (as JSON on stdout with `--json`) and sets the exit status. */
export function failWith(thrown: unknown, json: boolean): void {
  const error = asSluiceError(thrown);
  const { code, message, violations } = error;
  process.exitCode = error.exitStatus;
  if (json) {
    printJson({
      error: { code, message, ...(violations.length > 0 && { violations }), remedy: errorKinds[code].remedy },
    });
    return;
  }
  process.stderr.write(harmless(`sluice: ${message} [${code}]\n`));
  const others = violations.filter(({ message: why }) => !message.includes(why));
  for (const { subject, message: why } of others) process.stderr.write(harmless(`  ${subject}: ${why}\n`));
  process.stderr.write(`  ${errorKinds[code].remedy}\n`);
}
