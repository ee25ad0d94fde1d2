/** Files, local and `gs://`, as sources and sinks. */
export { writeToAvro } from './avro-sink.ts';
export { readFromAvro } from './avro-source.ts';
export { compressFiles, decompressFiles } from './convert-files.ts';
export { writeToCsv } from './csv-sink.ts';
export { readFromCsv } from './csv-source.ts';
export { matchFiles } from './match-files.ts';
export { writeToParquet } from './parquet-sink.ts';
export { readFromParquet } from './parquet-source.ts';
export { writeToJson, writeToText } from './sink.ts';
export { readFromJson, readFromText } from './source.ts';
