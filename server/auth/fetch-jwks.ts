/** Downloads a JWK set: one answer, within time and size, from that address and no other. */
import { usableKeysOfSet } from '../rules/public-keys.ts';
import type { VerificationKey } from '../rules/verification-key.ts';

/** For the whole answer, its last byte included. */
const TIMEOUT_MS = 5000;
/** After decompression. A hundred RSA keys with their certificates fit. */
const MAX_SET_BYTES = 256 * 1024;

/** @throws when the keys cannot be had; the message says why and holds nothing of the answer */
export type FetchJwks = () => Promise<readonly VerificationKey[]>;

/** `stopping` ends a download under way; `timeoutMs` is for tests. */
export function createFetchJwks(url: string, stopping: AbortSignal, timeoutMs = TIMEOUT_MS): FetchJwks {
  return async () => {
    const signal = AbortSignal.any([stopping, AbortSignal.timeout(timeoutMs)]);
    // A redirect would let whoever can answer once under this name say where the keys come from.
    const headers = { Accept: 'application/jwk-set+json, application/json' };
    const response = await fetch(url, { redirect: 'manual', headers, signal });
    if (response.status !== 200) {
      await response.body?.cancel();
      throw new Error(`it answered ${response.status}`);
    }
    return usableKeysOfSet(parse(await readBounded(response)));
  };
}

async function readBounded(response: Response): Promise<string> {
  const chunks: Uint8Array[] = [];
  let bytes = 0;
  // Leaving the loop by an error cancels the body, and with it the connection.
  for await (const chunk of response.body ?? []) {
    bytes += chunk.byteLength;
    if (bytes > MAX_SET_BYTES) throw new Error(`it answered more than ${MAX_SET_BYTES} bytes`);
    chunks.push(chunk);
  }
  return Buffer.concat(chunks).toString('utf8');
}

function parse(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    throw new Error('it answered no JSON');
  }
}
