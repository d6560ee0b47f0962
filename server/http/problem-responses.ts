/** Every error as `application/problem+json` (RFC 9457), and nothing of the inside in it. */
import type { IncomingMessage } from 'node:http';
import type { Middleware } from 'koa';
import type { Logger } from 'pino';
import { problemOf } from '../contract/problem.ts';
import { databaseFailure } from '../database/database-failure.ts';
import { Failure } from '../rules/failure.ts';
import type { Participant } from '../rules/participant.ts';
import { REQUEST_ID_HEADER } from './request-context.ts';
import type { SecurityLog } from './security-log.ts';

const NO_LOG = { refused() {} };

/** The outermost middleware that sees errors. */
export function problemResponses(log: Logger, securityLog: Pick<SecurityLog, 'refused'> = NO_LOG): Middleware {
  const answerProblem = createAnswerProblem(log, securityLog);
  return async (ctx, next) => {
    try {
      await next();
      if (ctx.status === 404 && ctx.body == null)
        throw new Failure('not-found', `There is nothing at ${ctx.path.slice(0, 200)}.`);
    } catch (error) {
      const { method, path } = ctx;
      if (answerProblem(error, ctx, { method, path, requestId: ctx.response.get(REQUEST_ID_HEADER) }))
        ctx.type = PROBLEM_TYPE;
    }
  };
}

export const PROBLEM_TYPE = 'application/problem+json';

/** As much of an answer as a problem is put into. */
type Answer = {
  req: IncomingMessage;
  state: { caller?: Participant };
  status: number;
  body: unknown;
  set(name: string, value: string): void;
};
type Asked = { method: string; path: string; requestId: string };

/** @returns false, and nothing is done, when nobody is there to be answered; else the body is of `PROBLEM_TYPE` */
export type AnswerProblem = (error: unknown, answer: Answer, asked: Asked) => boolean;

/** What is no Failure is our own fault and is logged. */
export function createAnswerProblem(log: Logger, { refused }: Pick<SecurityLog, 'refused'>): AnswerProblem {
  return (error, answer, { method, path, requestId }) => {
    // Nobody is there, and nothing of ours is wrong.
    if (answer.req.destroyed && (error as { code?: unknown } | null | undefined)?.code === 'ECONNRESET') return false;
    const failure = toFailure(error);
    // A quota that is used up is a rule at work, and as frequent as clients like.
    if (failure.status >= 500 && failure.code !== 'quota-exceeded')
      log.error({ err: failure.cause ?? failure, method, path }, failure.message);
    refused(failure, answer.req, answer.state.caller);
    answer.status = failure.status;
    for (const [name, value] of Object.entries(failure.headers)) answer.set(name, value);
    answer.set('Cache-Control', 'no-store');
    if (failure.retryAfterSeconds !== undefined) answer.set('Retry-After', String(failure.retryAfterSeconds));
    if (failure.status === 401) answer.set('WWW-Authenticate', 'Bearer');
    answer.body = JSON.stringify(problemOf(failure.code, failure.message, requestId === '' ? undefined : requestId));
    return true;
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
