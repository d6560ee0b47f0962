/** Every error as `application/problem+json` (RFC 9457), and nothing of the inside in it. */
import type { Context, Middleware } from 'koa';
import type { Logger } from 'pino';
import { problemOf } from '../contract/problem.ts';
import { databaseFailure } from '../database/database-failure.ts';
import { Failure } from '../rules/failure.ts';
import { REQUEST_ID_HEADER } from './request-context.ts';
import type { SecurityLog } from './security-log.ts';

const NO_LOG = { refused() {} };

/** The outermost middleware that sees errors. What is no Failure is our own fault and is logged. */
export function problemResponses(log: Logger, { refused }: Pick<SecurityLog, 'refused'> = NO_LOG): Middleware {
  return async (ctx, next) => {
    try {
      await next();
      if (ctx.status === 404 && ctx.body == null)
        throw new Failure('not-found', `There is nothing at ${ctx.path.slice(0, 200)}.`);
    } catch (error) {
      // Nobody is there to be answered, and nothing of ours is wrong.
      if (ctx.req.destroyed && (error as { code?: unknown }).code === 'ECONNRESET') return;
      const failure = toFailure(error);
      // A quota that is used up is a rule at work, and as frequent as clients like.
      if (failure.status >= 500 && failure.code !== 'quota-exceeded')
        log.error({ err: failure.cause ?? failure, method: ctx.method, path: ctx.path }, failure.message);
      refused(failure, ctx.req, ctx.state.caller);
      respond(ctx, failure);
    }
  };
}

function toFailure(error: unknown): Failure {
  if (error instanceof Failure) return error;
  const ofDatabase = databaseFailure(error);
  if (ofDatabase !== null) return ofDatabase;
  // Koa and its router throw these for what cannot be decoded; they are the client's.
  const status = (error as { status?: unknown } | null | undefined)?.status;
  if (typeof status === 'number' && status >= 400 && status < 500)
    return new Failure('invalid-request', undefined, { cause: error });
  return new Failure('server-error', undefined, { cause: error });
}

function respond(ctx: Context, failure: Failure): void {
  ctx.status = failure.status;
  ctx.set(failure.headers);
  ctx.set('Cache-Control', 'no-store');
  if (failure.retryAfterSeconds !== undefined) ctx.set('Retry-After', String(failure.retryAfterSeconds));
  if (failure.status === 401) ctx.set('WWW-Authenticate', 'Bearer');
  ctx.type = 'application/problem+json';
  const requestId = ctx.response.get(REQUEST_ID_HEADER);
  ctx.body = JSON.stringify(problemOf(failure.code, failure.message, requestId === '' ? undefined : requestId));
}
