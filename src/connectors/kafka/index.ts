/** Kafka as source and sink. */
export { readFromKafka } from './source.ts';
