/** The least that a server of Express does for a document. */
import type { AddressInfo } from 'node:net';
import express from 'express';

const document = JSON.parse(process.argv[2] ?? '{}');
const server = express()
  .get('/', (_, response) => void response.json(document))
  .listen(0, '127.0.0.1', () => process.send?.((server.address() as AddressInfo).port));
