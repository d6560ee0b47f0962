/** Who may connect by Socket.IO: host, origin, token or cookie, and what the client says of where it left off. */
import type { IncomingHttpHeaders, IncomingMessage } from 'node:http';
import type { Authenticated, AuthenticateToken } from '../auth/authenticate-token.ts';
import type { Origins } from '../auth/origins.ts';
import { readSessionCookie } from '../auth/session-cookie.ts';
import { Failure } from '../rules/failure.ts';
import { checkCompany, chooseSession } from '../rules/participant.ts';
import { handshakeSchema } from './message-schemas.ts';

type Needs = { authenticateToken: AuthenticateToken; origins: Origins };
type Handshake = { auth: unknown; headers: IncomingHttpHeaders };

/** What a connection begins with. */
export type Entrance = { caller: Authenticated; session: string | null; after: number | undefined };

/** Browsers send WebSockets to foreign hosts without asking: what `cors` does for polling has to be done here for both. */
export function mayConnect(origins: Origins, { headers }: Pick<IncomingMessage, 'headers'>, company?: string): boolean {
  if (!origins.isAllowedHost(headers.host)) return false;
  return headers.origin === undefined || origins.isAllowedOrigin(headers.origin, headers.host, company);
}

/** The same once the token has said whose it is. @throws {Failure} `forbidden` */
export async function authenticateSocket(
  { authenticateToken, origins }: Needs,
  token: string,
  headers: IncomingHttpHeaders,
): Promise<Authenticated> {
  const caller = await authenticateToken(token);
  if (!mayConnect(origins, { headers }, caller.company)) throw new Failure('forbidden', 'This Origin is not allowed.');
  return caller;
}

/** @throws {Failure} `invalid-request`, `unauthenticated`, `token-expired`, `forbidden` */
export async function enter(needs: Needs, { auth, headers }: Handshake): Promise<Entrance> {
  const said = handshakeSchema.safeParse(auth);
  if (!said.success) {
    throw new Failure(
      'invalid-request',
      'Connect with auth: {token, company_id, session_id, after}; after is a whole number.',
    );
  }
  const { company_id, session_id, after } = said.data;
  const token = said.data.token ?? cookieToken(needs.origins, headers);
  if (token === undefined) throw new Failure('unauthenticated', 'Connect with auth: {token}.');
  const caller = await authenticateSocket(needs, token, headers);
  checkCompany(caller, company_id ?? undefined);
  const session = session_id == null ? caller.session : chooseSession(caller, { session: session_id });
  return { caller, session, after: after ?? undefined };
}

/** A socket also writes, so the cookie counts for our own pages only, and not without an Origin. */
export function cookieToken({ pageOf }: Pick<Origins, 'pageOf'>, headers: IncomingHttpHeaders): string | undefined {
  return pageOf(headers) === 'ours' ? readSessionCookie(headers.cookie) : undefined;
}
