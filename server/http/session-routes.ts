/** `/api/auth/session/`: puts a bearer token into the cookie, and takes it out. */
import type { Middleware } from 'koa';
import type { AuthenticateToken } from '../auth/authenticate-token.ts';
import type { Origins } from '../auth/origins.ts';
import { clearedSessionCookie, MAX_COOKIE_TOKEN_CHARACTERS, sessionCookie } from '../auth/session-cookie.ts';
import { actorOf } from '../rules/actor.ts';
import { Failure } from '../rules/failure.ts';
import type { AuditLog } from '../sharing/audit-log.ts';
import { bearerToken } from './authenticate.ts';
import type { ClientOf } from './client-of.ts';
import { checkNotForeign } from './csrf.ts';

type Needs = {
  authenticateToken: AuthenticateToken;
  origins: Pick<Origins, 'pageOf'>;
  /** Links begin with https: then the cookie goes over nothing else. */
  secure: boolean;
  auditLog: Pick<AuditLog, 'note'>;
  clientOf: ClientOf;
  now(): number;
};

export type SessionRoutes = Record<'open' | 'close', Middleware>;

export function createSessionRoutes({
  authenticateToken,
  origins,
  secure,
  auditLog,
  clientOf,
  now,
}: Needs): SessionRoutes {
  return {
    open: async (ctx) => {
      checkNotForeign(origins, ctx.req);
      const token = bearerToken(ctx);
      if (token === undefined) throw new Failure('unauthenticated', 'Send the token: Authorization: Bearer …');
      const caller = await authenticateToken(token);
      const { expiresAt, company } = caller;
      checkNotForeign(origins, ctx.req, company);
      if (token.length > MAX_COOKIE_TOKEN_CHARACTERS)
        throw new Failure(
          'invalid-request',
          `The token has ${token.length} characters; a cookie holds ${MAX_COOKIE_TOKEN_CHARACTERS}.`,
        );
      ctx.set({ 'Set-Cookie': sessionCookie(token, (expiresAt - now()) / 1000, secure), 'Cache-Control': 'no-store' });
      const deed = { action: 'signed_in', company, session: caller.session } as const;
      auditLog.note(actorOf(caller, clientOf(ctx.req)), deed);
      ctx.status = 204;
    },
    /** Whatever the cookie holds, also when it has expired. The token itself stays good until it ends. */
    close: async (ctx) => {
      checkNotForeign(origins, ctx.req);
      ctx.set({ 'Set-Cookie': clearedSessionCookie(secure), 'Cache-Control': 'no-store' });
      ctx.status = 204;
    },
  };
}
