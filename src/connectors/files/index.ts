/** Files, local and `gs://`, as sources and sinks. */
export { writeToCsv } from './csv-sink.ts';
export { readFromCsv } from './csv-source.ts';
export { writeToJson, writeToText } from './sink.ts';
export { readFromJson, readFromText } from './source.ts';
