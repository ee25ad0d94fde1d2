/** Tables and texts that fit a terminal. */

/** Rows in columns; `right` names the columns that hold numbers. */
export function table(rows: readonly (readonly string[])[], right: readonly number[] = []): string {
  const widths = (rows[0] ?? []).map((_, column) => Math.max(...rows.map(row => row[column]?.length ?? 0)));
  const line = (row: readonly string[]) =>
    row
      .map((cell, column) =>
        right.includes(column) ? cell.padStart(widths[column] ?? 0) : cell.padEnd(widths[column] ?? 0),
      )
      .join('  ')
      .trimEnd();
  return `${rows.map(line).join('\n')}\n`;
}

/** The text as it is, unless somebody reads it in a column of a terminal. */
export const fitTerminal = (text: string, width: number): string =>
  process.stdout.isTTY ? fit(text, width) : text;

/** At most so many characters, with the middle left out: names differ at both ends. */
export function fit(text: string, width: number): string {
  if (text.length <= width) return text;
  const tail = Math.floor((width - 1) / 2);
  return `${text.slice(0, width - 1 - tail)}…${text.slice(text.length - tail)}`;
}

/** How long ago, as people say it: `40 s`, `12 min`, `3 h`, `8 d`. */
export function age(time: string, now = Date.now()): string {
  const seconds = Math.max(0, Math.round((now - Date.parse(time)) / 1000));
  if (seconds < 100) return `${seconds} s`;
  if (seconds < 100 * 60) return `${Math.round(seconds / 60)} min`;
  if (seconds < 48 * 3600) return `${Math.round(seconds / 3600)} h`;
  return `${Math.round(seconds / 86_400)} d`;
}

/** A time of the clock on the wall: `2026-11-20 09:58:41`. */
export function clock(time: string | number): string {
  const at = new Date(time);
  const local = new Date(at.getTime() - at.getTimezoneOffset() * 60_000);
  return local.toISOString().slice(0, 19).replace('T', ' ');
}

/** Text from outside, without what would command a terminal; its lines stay one. */
export const printable = (text: string): string => harmless(text.replaceAll(/\r?\n/g, ' ⏎ '));

/** The same for text that may have lines. */
export const harmless = (text: string): string =>
  text.replaceAll(/[^\P{Cc}\t\n]|[\u202a-\u202e\u2066-\u2069]/gu, '�');
