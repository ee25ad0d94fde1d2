/** Pub/Sub as source and sink: the embedded one, an emulator's or Google's. */
export { writeToPubSub } from './sink.ts';
export { readFromPubSub } from './source.ts';
