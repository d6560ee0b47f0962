/** A browser sends a cookie whichever page asks: what changes something must come from one of our pages. */
import type { IncomingMessage } from 'node:http';
import type { Origins } from '../auth/origins.ts';
import { Failure } from '../rules/failure.ts';

/** RFC 9110 section 9.2.1. What only reads needs no check: without CORS a foreign page never sees the answer. */
const SAFE_METHODS = ['GET', 'HEAD'];

/** For a request that is authenticated by the cookie alone. @throws {Failure} `forbidden` */
export function checkCookieRequest(
  { pageOf }: Pick<Origins, 'pageOf'>,
  { method, headers }: Pick<IncomingMessage, 'method' | 'headers'>,
): void {
  // tus lets a GET be a DELETE by a header, so both have to be safe.
  const methods = [method, headers['x-http-method-override'] ?? method].map((name) => String(name).toUpperCase());
  if (methods.every((name) => SAFE_METHODS.includes(name))) return;
  if (pageOf(headers) !== 'ours')
    throw new Failure('forbidden', 'With the cookie alone, a change needs an allowed Origin. Or send a token.');
}

/**
 * For what sets or clears the cookie: no foreign page may sign somebody in or out. Programs, which send no Origin, may.
 * @throws {Failure} `forbidden`
 */
export function checkNotForeign(
  { pageOf }: Pick<Origins, 'pageOf'>,
  { headers }: Pick<IncomingMessage, 'headers'>,
  company?: string,
): void {
  if (pageOf(headers, company) === 'foreign') throw new Failure('forbidden', 'This Origin is not allowed.');
}

/**
 * Once the token has said whose it is: a page that only other companies allow has been let this far, and goes no further.
 * Who is no page of anybody's is as before: a browser shows it no answer. @throws {Failure} `forbidden`
 */
export function checkPageOf(
  { isAllowedOrigin }: Pick<Origins, 'isAllowedOrigin'>,
  { headers: { origin, host } }: Pick<IncomingMessage, 'headers'>,
  company: string,
): void {
  if (origin === undefined || !isAllowedOrigin(origin, host)) return;
  if (!isAllowedOrigin(origin, host, company)) throw new Failure('forbidden', 'This Origin is not allowed.');
}
