/** Files, local and `gs://`, as sources and sinks. */
export { writeToJson, writeToText } from './sink.ts';
export { readFromJson, readFromText } from './source.ts';
