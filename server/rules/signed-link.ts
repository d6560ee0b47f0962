/** Signed links: HMAC-SHA256 over key, expiry, disposition and epoch. Altering any of them voids the link. */
import { createHmac, timingSafeEqual } from 'node:crypto';
import { Failure } from './failure.ts';

export type Disposition = 'inline' | 'attachment';

/** `expiresAt` in whole seconds since the epoch; `epoch`: how often the links to the file had been taken back. */
export type LinkTerms = { expiresAt: number; disposition: Disposition; epoch: number };

/** The query of a link, as text; `epoch` is left out while it is 0. */
export type LinkQuery = { expires: string; disposition: string; epoch: string; signature: string };

/** The query of a signed link. */
export function signLink(secret: string, key: string, { expiresAt, disposition, epoch }: LinkTerms): string {
  const shownEpoch = epoch === 0 ? '' : String(epoch);
  const signature = signatureOf(secret, key, { expires: String(expiresAt), disposition, epoch: shownEpoch });
  return `expires=${expiresAt}&disposition=${disposition}${epoch === 0 ? '' : `&epoch=${epoch}`}&signature=${signature}`;
}

/**
 * What the link was signed with; whether it has been taken back since, only the file's row knows.
 * @param nowSeconds seconds since the epoch
 * @throws {Failure} `link-invalid` or `link-expired` (403)
 */
export function checkLink(secret: string, key: string, query: LinkQuery, nowSeconds: number): LinkTerms {
  const isWellFormed = /^\d{1,15}$/.test(query.expires) && /^(?:[1-9]\d{0,9})?$/.test(query.epoch);
  const expected = Buffer.from(signatureOf(secret, key, query));
  const given = Buffer.from(query.signature);
  if (!isWellFormed || given.length !== expected.length || !timingSafeEqual(given, expected)) throw invalidLink();
  const terms = {
    expiresAt: Number(query.expires),
    disposition: query.disposition as Disposition,
    epoch: Number(query.epoch),
  };
  if (terms.expiresAt < nowSeconds) {
    throw new Failure('link-expired', 'This link has expired. Open the file from the chat again.');
  }
  return terms;
}

/** 403: altered, or taken back. */
export function invalidLink(): Failure {
  return new Failure('link-invalid', 'This link is not valid. Open the file from the chat again.');
}

function signatureOf(
  secret: string,
  key: string,
  { expires, disposition, epoch }: Omit<LinkQuery, 'signature'>,
): string {
  // Only a key could hold a newline, so no two different links sign the same text. Without an epoch it is as it always was.
  const terms = [key, expires, disposition, ...(epoch === '' ? [] : [epoch])];
  return createHmac('sha256', secret).update(terms.join('\n')).digest('base64url');
}
