/** Puts the caller into `ctx.state`, or answers 401. */
import type { RouterContext } from '@koa/router';
import type { Context } from 'koa';
import type { AuthenticateToken } from '../auth/authenticate-token.ts';
import type { Origins } from '../auth/origins.ts';
import { readSessionCookie } from '../auth/session-cookie.ts';
import { Failure } from '../rules/failure.ts';
import type { Participant } from '../rules/participant.ts';
import { checkCookieRequest, checkPageOf } from './csrf.ts';

export type CallerState = {
  caller: Participant;
  /** Where a header overrides it: the method that was really sent. */
  sentMethod?: string;
  /** The client's, where an upload may start (limit-creations). */
  address?: string;
};
/** A route's function behind `authenticate`. */
export type CallerMiddleware = (ctx: RouterContext<CallerState>, next: () => Promise<unknown>) => Promise<void>;

type Needs = { authenticateToken: AuthenticateToken; origins: Pick<Origins, 'pageOf' | 'isAllowedOrigin'> };

export function authenticate({ authenticateToken, origins }: Needs): CallerMiddleware {
  return async (ctx, next) => {
    const bearer = bearerToken(ctx);
    const token = bearer ?? readSessionCookie(ctx.req.headers.cookie);
    if (token === undefined) throw new Failure('unauthenticated', 'Send a token: Authorization: Bearer …');
    const method = ctx.state.sentMethod ?? ctx.method;
    if (bearer === undefined) checkCookieRequest(origins, { method, headers: ctx.req.headers });
    ctx.set('Cache-Control', 'no-store');
    ctx.state.caller = await authenticateToken(token).catch((error: unknown) => {
      throw ctx.method === 'HEAD' ? notYet(error) : error;
    });
    checkPageOf(origins, ctx.req, ctx.state.caller.company);
    // Not waited for here: nothing is left to do, and what comes may take hours.
    return next() as Promise<void>;
  };
}

/**
 * The token of an `Authorization: Bearer` header. Who sends one means it: a bad one is not made good by a cookie.
 * Undefined without the header, or with another scheme (a proxy's own password).
 * @throws {Failure} `unauthenticated` when the header holds no single token
 */
export function bearerToken(ctx: Pick<Context, 'get'>): string | undefined {
  const header = ctx.get('Authorization');
  if (!/^Bearer\b/i.test(header)) return undefined;
  const token = /^Bearer +(\S+)$/i.exec(header)?.[1];
  if (token === undefined) throw new Failure('unauthenticated', 'Send one token: Authorization: Bearer …');
  return token;
}

/** 423 for what passes: a 5xx to HEAD makes tus-js-client throw the upload away and start from the first byte. */
function notYet(error: unknown): unknown {
  if (!(error instanceof Failure) || error.status < 500) return error;
  return new Failure('try-again', error.message, { retryAfterSeconds: error.retryAfterSeconds ?? 2, cause: error });
}
