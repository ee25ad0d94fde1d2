/** One line of CSV to its fields, by RFC 4180: quotes around a field, doubled within. */

export interface CsvFields {
  values: string[];
  /** Which fields stood in quotes: an empty one there is text, not nothing. */
  quoted: boolean[];
}

/** The fields of a line, or what is wrong with it. */
export function splitCsvLine(line: string, delimiter: string): CsvFields | string {
  const values: string[] = [];
  const quoted: boolean[] = [];
  for (let at = 0; ; ) {
    const isQuoted = line[at] === '"';
    if (!isQuoted) {
      const end = line.indexOf(delimiter, at);
      values.push(line.slice(at, end < 0 ? line.length : end));
      quoted.push(false);
      if (end < 0) return { values, quoted };
      at = end + delimiter.length;
      continue;
    }
    const end = closingQuote(line, at + 1);
    if (end < 0) return `the quote at letter ${at + 1} is not closed`;
    values.push(line.slice(at + 1, end).replaceAll('""', '"'));
    quoted.push(true);
    if (end + 1 === line.length) return { values, quoted };
    if (!line.startsWith(delimiter, end + 1)) return `letter ${end + 2} follows a closing quote`;
    at = end + 1 + delimiter.length;
  }
}

function closingQuote(line: string, from: number): number {
  for (let at = line.indexOf('"', from); at >= 0; at = line.indexOf('"', at + 2)) {
    if (line[at + 1] !== '"') return at;
  }
  return -1;
}
