/** How our own programs are started: the same Node that runs us, with what it needs to read our sources. */
import { fileURLToPath } from 'node:url';

/** The version of Sluice, as in package.json. */
export const VERSION = '0.1.0';

/** Where Sluice is installed as a package, Node must be told how to read TypeScript. */
const READING = import.meta.url.includes('/node_modules/')
  ? [`--import=${new URL('../bin/types.mjs', import.meta.url).href}`]
  : [];

/**
 * Arguments for `process.execPath` to run a program of ours.
 * @example spawn(process.execPath, [...programArguments(new URL('./main.ts', import.meta.url)), 'argument'])
 */
export function programArguments(program: URL, flags: readonly string[] = []): string[] {
  return ['--disable-warning=ExperimentalWarning', ...flags, ...READING, fileURLToPath(program)];
}
