/** Who may connect to `/ws/chat/{company_id}/{session_id}/`, the original API's address, or to a whole company's, with a token. */
import type { IncomingHttpHeaders } from 'node:http';
import type * as z from 'zod';
import type { Authenticated, AuthenticateToken } from '../auth/authenticate-token.ts';
import type { Origins } from '../auth/origins.ts';
import { Failure } from '../rules/failure.ts';
import { chooseScope } from '../rules/participant.ts';
import { plainQuery } from './message-schemas.ts';
import { authenticateSocket, cookieToken, mayConnect } from './socket-handshake.ts';

/** The subprotocol of clients that send the token as a second one: `new WebSocket(url, ['chatdrop', token])`. */
export const SUBPROTOCOL = 'chatdrop';

/** `tokenInQuery`: whether an address may hold a token. */
type Needs = { authenticateToken: AuthenticateToken; origins: Origins; tokenInQuery: boolean };
type Handshake = { url: string; headers: IncomingHttpHeaders };
/** `session`: null, the whole company. */
export type PlainEntrance = { caller: Authenticated; session: string | null; after: number | undefined };

const ADDRESS = /^\/ws\/chat\/([A-Za-z0-9_-]{1,64})(?:\/([A-Za-z0-9_-]{1,64}))?\/?$/;

/** @throws {Failure} `wrong-host`, `forbidden`, `not-found`, `invalid-request`, `unauthenticated`, `token-expired` */
export async function enterPlain(needs: Needs, { url, headers }: Handshake): Promise<PlainEntrance> {
  const { origins, tokenInQuery } = needs;
  if (!origins.isAllowedHost(headers.host))
    throw new Failure('wrong-host', 'In development mode only loopback names are answered.');
  if (!mayConnect(origins, { headers })) throw new Failure('forbidden', 'This Origin is not allowed.');
  const [path = '', query = ''] = url.split('?', 2);
  const [, company, session] = ADDRESS.exec(path) ?? [];
  if (company === undefined)
    throw new Failure('not-found', 'A WebSocket is at /ws/chat/{company_id}/{session_id}/ only.');
  const said = readQuery(query);
  if (!tokenInQuery && said.token !== undefined)
    throw new Failure('unauthenticated', 'The token belongs into a subprotocol or a header, not into the address.');
  // Who states a token means it: a bad one is not made good by the cookie.
  const token = said.token ?? subprotocolToken(headers) ?? bearerToken(headers) ?? cookieToken(origins, headers);
  if (token === undefined)
    throw new Failure('unauthenticated', 'Connect with a token: as a subprotocol, or as ?token=…');
  const caller = await authenticateSocket(needs, token, headers);
  return { caller, session: chooseScope(caller, { company, session }), after: said.after };
}

/** What is there twice is a list, and no value. */
function readQuery(text: string): z.infer<typeof plainQuery> {
  const query = new URLSearchParams(text);
  const values = [...new Set(query.keys())].map((name) => [name, query.getAll(name)] as const);
  const said = plainQuery.safeParse(
    Object.fromEntries(values.map(([name, all]) => [name, all.length === 1 ? all[0] : all])),
  );
  if (said.success) return said.data;
  throw new Failure('invalid-request', 'The query may hold one token, and one after, which is a whole number.');
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
