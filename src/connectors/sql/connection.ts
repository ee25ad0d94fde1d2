/** What a connection to a database can do, of whichever kind it is. */

export type SqlValue = null | string | number | bigint | Buffer;

export interface SqlConnection {
  /** Has a statement run before the next one: with it, where the server takes both at once. */
  defer(text: string): void;
  /** Runs one statement; its rows have texts, numbers and nulls. */
  query(text: string): Promise<SqlResult>;
  /** Runs one with values, which stand between its pieces. */
  run(pieces: readonly string[], values: readonly SqlValue[]): Promise<SqlResult>;
  /** The columns of the result of a query. */
  describe(text: string): Promise<ResultColumn[]>;
  /** The result of a query as lines of JSON, in pieces, each of which is taken before much more is read. */
  exportLines(text: string, take: (bytes: Buffer) => Promise<unknown>): Promise<void>;
  /** PostgreSQL's COPY … FROM STDIN. */
  copyIn?(text: string, bytes: Buffer): Promise<void>;
  close(): Promise<void>;
}

export interface ResultColumn {
  name: string;
  /** The name of its type as the server writes it, e.g. `numeric(10,2)` or `timestamp with time zone[]`. */
  type: string;
}

export interface SqlResult {
  rows: Record<string, unknown>[];
  /** How many rows a statement changed. */
  changed: number;
}
