/** The letters that stand for a part of the window's date in the output directory: one kind for each part. */
import type { Kind } from './kind.ts';

export const yearPattern = datePattern('year', 'y+|Y+', 'YYYY or {Y}');
export const monthPattern = datePattern('month', 'M+', 'MM or {M}');
export const dayPattern = datePattern('day', 'd+|D+', 'dd, or D for the day of the year');
export const hourPattern = datePattern('hour', 'H+', 'HH or {H}');
export const minutePattern = datePattern('minute', 'm+', 'mm or {m}');

/** Letters alone, or between two other characters (`{mm}`), which vanish with them. */
function datePattern(part: string, letters: string, examples: string): Kind {
  const form = new RegExp(`^[^A-Za-z0-9/\\0\\r\\n]?(?:${letters})[^A-Za-z0-9/\\0\\r\\n]?$`);
  return {
    name: `${part}-pattern`,
    help: `The letters that stand for the ${part} in the output directory: ${examples}; a character around them, as in \`{${letters[0]}}\`, vanishes with them.`,
    expected: () => `letters for the ${part}, like ${examples}`,
    parse: given => (form.test(given) ? given : undefined),
    widget: 'text',
    paramType: 'TEXT',
  };
}
