/** Signed links: HMAC-SHA256 over key, expiry and disposition. Altering any of them voids the link. */
import { createHmac, timingSafeEqual } from 'node:crypto';
import { Failure } from './failure.ts';

export type Disposition = 'inline' | 'attachment';

/** The query of a signed link. `expiresAt` in whole seconds since the epoch. */
export function signLink(secret: string, key: string, expiresAt: number, disposition: Disposition): string {
  const signature = signatureOf(secret, key, String(expiresAt), disposition);
  return `expires=${expiresAt}&disposition=${disposition}&signature=${signature}`;
}

/**
 * @param nowSeconds seconds since the epoch
 * @throws {Failure} `link-invalid` or `link-expired` (403)
 */
export function checkLink(
  secret: string,
  key: string,
  query: { expires: string; disposition: string; signature: string },
  nowSeconds: number,
): Disposition {
  const expected = Buffer.from(signatureOf(secret, key, query.expires, query.disposition));
  const given = Buffer.from(query.signature);
  if (given.length !== expected.length || !timingSafeEqual(given, expected)) {
    throw new Failure('link-invalid', 'This link is not valid. Open the file from the chat again.');
  }
  if (Number(query.expires) < nowSeconds) {
    throw new Failure('link-expired', 'This link has expired. Open the file from the chat again.');
  }
  return query.disposition as Disposition;
}

function signatureOf(secret: string, key: string, expires: string, disposition: string): string {
  // A newline stands in none of the three, so no two different links sign the same text.
  return createHmac('sha256', secret).update(`${key}\n${expires}\n${disposition}`).digest('base64url');
}
