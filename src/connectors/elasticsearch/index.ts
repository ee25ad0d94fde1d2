export { writeToElasticsearch } from './sink.ts';
