/** Puts the caller into `ctx.state`, or answers 401. */
import type { IncomingMessage } from 'node:http';
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

export function authenticate(needs: Needs): CallerMiddleware {
  return async (ctx, next) => {
    await identify(needs, ctx.req, ctx, ctx.state.sentMethod ?? ctx.method).catch((error: unknown) => {
      throw ctx.method === 'HEAD' ? notYet(error) : error;
    });
    // Not waited for here: nothing is left to do, and what comes may take hours.
    return next() as Promise<void>;
  };
}

/** Who asks: into the answer's state. @param sentMethod as it came, whatever a header says of it @throws {Failure} */
export async function identify(
  { authenticateToken, origins }: Needs,
  request: IncomingMessage,
  answer: { state: { caller?: Participant }; set(name: string, value: string): void },
  sentMethod: string,
): Promise<void> {
  const { headers } = request;
  const bearer = bearerIn(headers.authorization ?? '');
  const token = bearer ?? readSessionCookie(headers.cookie);
  if (token === undefined) throw new Failure('unauthenticated', 'Send a token: Authorization: Bearer …');
  if (bearer === undefined) checkCookieRequest(origins, { method: sentMethod, headers });
  answer.set('Cache-Control', 'no-store');
  const caller = await authenticateToken(token);
  answer.state.caller = caller;
  checkPageOf(origins, request, caller.company);
}

/**
 * The token of an `Authorization: Bearer` header. Who sends one means it: a bad one is not made good by a cookie.
 * Undefined without the header, or with another scheme (a proxy's own password).
 * @throws {Failure} `unauthenticated` when the header holds no single token
 */
export function bearerToken(ctx: Pick<Context, 'get'>): string | undefined {
  return bearerIn(ctx.get('Authorization'));
}

function bearerIn(header: string): string | undefined {
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
