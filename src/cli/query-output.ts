/** The rows of a query, read from the file that holds them and printed as they are read. */
import { once } from 'node:events';
import { createReadStream } from 'node:fs';
import { createInterface } from 'node:readline';
import { stringifyExact } from '../formats/exact-json.ts';
import { parseRow, type Row, type RowValue } from '../formats/rows.ts';

/** More rows are for programs: they are counted, not shown. */
const SHOWN_ROWS = 1000;
const SHOWN_LETTERS = 60;

/** One JSON array, a row a line; all digits as they are. */
export async function printJsonRows(path: string): Promise<void> {
  let before = '[\n  ';
  for await (const line of linesOf(path)) {
    await write(`${before}${line}`);
    before = ',\n  ';
  }
  await write(before.startsWith('[') ? '[]\n' : '\n]\n');
}

export async function printCsvRows(path: string, columns: readonly string[]): Promise<void> {
  await write(csvLine(columns));
  for await (const line of linesOf(path)) {
    const row = parseRow(line);
    await write(csvLine(columns.map(name => textOf(row[name]))));
  }
}

/** Columns side by side, numbers to the right. */
export async function printTable(path: string, columns: readonly string[]): Promise<void> {
  const rows: Row[] = [];
  let count = 0;
  for await (const line of linesOf(path)) if (count++ < SHOWN_ROWS) rows.push(parseRow(line));
  const cells = rows.map(row => columns.map(name => shown(row[name])));
  const widths = columns.map((name, i) => Math.max(name.length, ...cells.map(each => each[i]?.length ?? 0)));
  const isNumber = columns.map(name => rows.some(row => isNumeric(row[name])));
  const line = (texts: readonly string[]) =>
    texts
      .map((text, i) => (isNumber[i] ? text.padStart(widths[i] ?? 0) : text.padEnd(widths[i] ?? 0)))
      .join('  ')
      .trimEnd();
  const lines = [line(columns), widths.map(width => '-'.repeat(width)).join('  '), ...cells.map(line)];
  await write(`${lines.join('\n')}\n`);
  const more = count > SHOWN_ROWS ? `, of which ${SHOWN_ROWS} are shown: --json and --csv give all` : '';
  process.stderr.write(`${count.toLocaleString('en')} ${count === 1 ? 'row' : 'rows'}${more}\n`);
}

function linesOf(path: string): AsyncIterable<string> {
  return createInterface({ input: createReadStream(path, 'utf8'), crlfDelay: Number.POSITIVE_INFINITY });
}

const isNumeric = (value: RowValue | undefined): boolean =>
  typeof value === 'number' || typeof value === 'bigint';

function textOf(value: RowValue | undefined): string {
  if (value === null || value === undefined) return '';
  return typeof value === 'object' ? stringifyExact(value) : String(value);
}

function shown(value: RowValue | undefined): string {
  const text = value === null || value === undefined ? 'null' : textOf(value);
  // What moves the cursor of a terminal must not come from data.
  const plain = text.replace(/\p{Cc}/gu, ' ');
  return plain.length > SHOWN_LETTERS ? `${plain.slice(0, SHOWN_LETTERS - 1)}…` : plain;
}

function csvLine(texts: readonly string[]): string {
  return `${texts.map(text => (/[",\r\n]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text)).join(',')}\r\n`;
}

async function write(text: string): Promise<void> {
  if (!process.stdout.write(text)) await once(process.stdout, 'drain');
}
