/** The `chatdrop` cookie: a token that scripts cannot read. */
import { parseCookie, stringifySetCookie } from 'cookie';
import { Failure } from '../rules/failure.ts';

const NAME = 'chatdrop';
/** RFC 6265bis section 5.7: browsers drop a cookie whose name and value together are longer, without a word. */
const MAX_COOKIE_BYTES = 4096;
export const MAX_COOKIE_TOKEN_CHARACTERS = MAX_COOKIE_BYTES - NAME.length;
/** RFC 6265bis section 5.5: browsers keep no cookie longer than 400 days. */
const MAX_AGE_SECONDS = 400 * 86_400;

/**
 * The token in a `Cookie` header, if there is one.
 * @throws {Failure} `unauthenticated` when several cookies have the name: a neighbouring host of the same domain can set
 * a second one, and a browser does not say which is whose. Whoever is sent to another's chat would share files there.
 */
export function readSessionCookie(header: string | undefined): string | undefined {
  if (header === undefined) return undefined;
  const named = header.split(';').filter((pair) => pair.split('=')[0]?.trim() === NAME);
  if (named.length > 1) throw new Failure('unauthenticated', `There are several cookies named ${NAME}. Sign in again.`);
  return parseCookie(header)[NAME] || undefined;
}

/**
 * `SameSite=Lax`: a page of another site never sends it, but for a link that a person opens, which only reads. `Strict`
 * would turn away who opens a file from a mail. `None` would be for our frame in a foreign page; there browsers keep
 * such cookies away more and more, and the frame has its token from the page (Authorization), so nothing asks for it.
 */
export function sessionCookie(token: string, maxAgeSeconds: number, secure: boolean): string {
  const maxAge = Math.floor(Math.min(Math.max(maxAgeSeconds, 0), MAX_AGE_SECONDS));
  return stringifySetCookie({ name: NAME, value: token, maxAge, path: '/', httpOnly: true, secure, sameSite: 'lax' });
}

/** The `Set-Cookie` that makes a browser forget it. */
export function clearedSessionCookie(secure: boolean): string {
  return sessionCookie('', 0, secure);
}
