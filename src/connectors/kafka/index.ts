/** Kafka as source and sink. */

export { writeToKafka } from './sink.ts';
export { readFromKafka } from './source.ts';
