/** Tables of BigQuery, kept in the local warehouse, as sources and sinks. */
export { writeToBigQuery } from './sink.ts';
export { readFromBigQuery } from './source.ts';
