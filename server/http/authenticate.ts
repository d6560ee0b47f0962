/** Puts the caller into `ctx.state`, or answers 401. */
import type { RouterContext } from '@koa/router';
import type { AuthenticateToken } from '../auth/authenticate-token.ts';
import { Failure } from '../rules/failure.ts';
import type { Participant } from '../rules/participant.ts';

export type CallerState = { caller: Participant };
/** A route's function behind `authenticate`. */
export type CallerMiddleware = (ctx: RouterContext<CallerState>, next: () => Promise<unknown>) => Promise<void>;

export function authenticate(authenticateToken: AuthenticateToken): CallerMiddleware {
  return async (ctx, next) => {
    const token = /^Bearer +(\S+)$/i.exec(ctx.get('Authorization'))?.[1];
    if (token === undefined) throw new Failure('unauthenticated', 'Send a token: Authorization: Bearer …');
    ctx.set('Cache-Control', 'no-store');
    ctx.state.caller = await authenticateToken(token);
    await next();
  };
}
