/** Files of records: what they are made of, piece by piece, records side by side as Avro encodes them. */

export interface RecordFile {
  append(records: Buffer, count: number): Promise<void>;
  /** What was appended is all there is; the file is whole and durable. */
  end(): Promise<void>;
  close(): Promise<void>;
}
