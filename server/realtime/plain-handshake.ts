/** Who may connect to `/ws/chat/{company_id}/{session_id}/`: the original API's address, with a token. */
import type { IncomingHttpHeaders } from 'node:http';
import type { Authenticated, AuthenticateToken } from '../auth/authenticate-token.ts';
import type { Origins } from '../auth/origins.ts';
import { Failure } from '../rules/failure.ts';
import { checkCompany, chooseSession } from '../rules/participant.ts';
import { authenticateSocket, cookieToken, mayConnect } from './socket-handshake.ts';

/** The subprotocol of clients that send the token as a second one: `new WebSocket(url, ['chatdrop', token])`. */
export const SUBPROTOCOL = 'chatdrop';

/** `tokenInQuery`: whether an address may hold a token. */
type Needs = { authenticateToken: AuthenticateToken; origins: Origins; tokenInQuery: boolean };
type Handshake = { url: string; headers: IncomingHttpHeaders };
export type PlainEntrance = { caller: Authenticated; session: string; after: number | undefined };

const ADDRESS = /^\/ws\/chat\/([A-Za-z0-9_-]{1,64})\/([A-Za-z0-9_-]{1,64})\/?$/;

/** @throws {Failure} `wrong-host`, `forbidden`, `not-found`, `invalid-request`, `unauthenticated`, `token-expired` */
export async function enterPlain(needs: Needs, { url, headers }: Handshake): Promise<PlainEntrance> {
  const { origins, tokenInQuery } = needs;
  if (!origins.isAllowedHost(headers.host))
    throw new Failure('wrong-host', 'In development mode only loopback names are answered.');
  if (!mayConnect(origins, { headers })) throw new Failure('forbidden', 'This Origin is not allowed.');
  const [path = '', query = ''] = url.split('?', 2);
  const [, company, session] = ADDRESS.exec(path) ?? [];
  if (company === undefined || session === undefined)
    throw new Failure('not-found', 'A WebSocket is at /ws/chat/{company_id}/{session_id}/ only.');
  const said = new URLSearchParams(query);
  if (!tokenInQuery && said.has('token'))
    throw new Failure('unauthenticated', 'The token belongs into a subprotocol or a header, not into the address.');
  // Who states a token means it: a bad one is not made good by the cookie.
  const token =
    only(said, 'token') ?? subprotocolToken(headers) ?? bearerToken(headers) ?? cookieToken(origins, headers);
  if (token === undefined)
    throw new Failure('unauthenticated', 'Connect with a token: as a subprotocol, or as ?token=…');
  const caller = await authenticateSocket(needs, token, headers);
  checkCompany(caller, company);
  return { caller, session: chooseSession(caller, { session }), after: readAfter(only(said, 'after')) };
}

function only(query: URLSearchParams, name: string): string | undefined {
  const [value, ...more] = query.getAll(name);
  if (more.length > 0) throw new Failure('invalid-request', `${name} is there twice.`);
  return value;
}

/** The offered subprotocol that is not ours; its characters are those of a token (RFC 6455 section 4.1, RFC 7515). */
function subprotocolToken(headers: IncomingHttpHeaders): string | undefined {
  const offered = (headers['sec-websocket-protocol'] ?? '').split(',').map((name) => name.trim());
  return offered.includes(SUBPROTOCOL) ? offered.find((name) => name !== SUBPROTOCOL && name !== '') : undefined;
}

/** For programs: browsers cannot set it. */
function bearerToken({ authorization }: IncomingHttpHeaders): string | undefined {
  return /^Bearer +(\S+)$/i.exec(authorization ?? '')?.[1];
}

function readAfter(text: string | undefined): number | undefined {
  if (text === undefined || text === '') return undefined;
  const value = /^\d{1,16}$/.test(text) ? Number(text) : Number.NaN;
  if (!Number.isSafeInteger(value)) throw new Failure('invalid-request', 'after must be a whole number.');
  return value;
}
