/** A JSON body of a bounded length. */
import type { IncomingMessage } from 'node:http';
import { Failure } from '../rules/failure.ts';

/** An empty body is `{}`. @throws {Failure} `invalid-request` */
export async function readJson(request: IncomingMessage, maxBytes: number): Promise<unknown> {
  const chunks: Buffer[] = [];
  let bytes = 0;
  for await (const chunk of request) {
    bytes += chunk.length;
    if (bytes > maxBytes) throw new Failure('invalid-request', `The body is longer than ${maxBytes} bytes.`);
    chunks.push(chunk);
  }
  try {
    return bytes === 0 ? {} : JSON.parse(Buffer.concat(chunks).toString());
  } catch {
    throw new Failure('invalid-request', 'The body is not JSON.');
  }
}
