/** Chromium, which tests of the console drive: a program, no server. */
import { type Installation, installDebian, isRoot, lacking, onPath } from './installation.ts';

export const chromium: Installation = {
  name: 'chromium',
  what: 'Chromium (the machine’s, or Debian’s package as root), which opens the pages of the console',
  isInstalled: () => chromiumPath() !== undefined,
  impossible: () => lacking('apt-get') ?? (isRoot ? undefined : 'it needs root'),
  install: () => installDebian('chromium'),
};

export const chromiumPath = (): string | undefined => onPath('chromium') ?? onPath('chromium-browser');
