export { writeToSplunk } from './sink.ts';
