/** What the engine says while it builds or pushes an image. */
import { createInterface } from 'node:readline';
import type { Readable } from 'node:stream';

/** What a line of the engine's answer may hold. */
export interface EngineLine {
  stream?: string;
  status?: string;
  id?: string;
  error?: string;
  aux?: { ID?: string; Digest?: string };
}

/** The engine answers with a JSON object a line. */
export async function* linesOf(answer: NodeJS.ReadableStream): AsyncGenerator<EngineLine> {
  for await (const line of createInterface({
    input: answer as Readable,
    crlfDelay: Number.POSITIVE_INFINITY,
  }))
    if (line.trim() !== '') yield JSON.parse(line);
}
