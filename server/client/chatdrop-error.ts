/** What every call of the client throws when the server refuses it or cannot be reached. */
import type { Problem, ProblemCode } from '../contract/problem.ts';

/**
 * A code of the server's error table, or one of ours: `unreachable`, no answer came; `unexpected-answer`, one that is not
 * Chatdrop's (a proxy's page).
 */
export type ErrorCode = ProblemCode | 'unreachable' | 'unexpected-answer';

export class ChatdropError extends Error {
  override readonly name = 'ChatdropError';
  readonly code: ErrorCode;
  /** HTTP status; 0: there was no answer. */
  readonly status: number;
  /** A sentence for people. */
  readonly detail: string;
  /** Seconds after which the server asks to try again. */
  readonly retryAfterSeconds: number | undefined;
  /** Under which the server's log has it. */
  readonly requestId: string | undefined;

  constructor(
    code: ErrorCode,
    detail: string,
    more: { status?: number; retryAfterSeconds?: number; requestId?: string; cause?: unknown } = {},
  ) {
    super(`${code}: ${detail}`, more.cause === undefined ? undefined : { cause: more.cause });
    this.code = code;
    this.detail = detail;
    this.status = more.status ?? 0;
    this.retryAfterSeconds = more.retryAfterSeconds;
    this.requestId = more.requestId;
  }
}

/** `body`: its text, where it has one. */
export function errorOf(status: number, headers: Pick<Headers, 'get'>, body: string): ChatdropError {
  const problem = readProblem(body);
  const retryAfter = Number(headers.get('Retry-After') ?? Number.NaN);
  const requestId = headers.get('X-Request-Id') ?? problem?.request_id;
  return new ChatdropError(problem?.code ?? codeOfStatus(status), problem?.detail ?? `The server answered ${status}.`, {
    status,
    ...(Number.isFinite(retryAfter) ? { retryAfterSeconds: retryAfter } : {}),
    ...(requestId === undefined ? {} : { requestId }),
  });
}

function readProblem(body: string): (Problem & { request_id?: string }) | undefined {
  try {
    const problem = JSON.parse(body);
    return typeof problem?.code === 'string' && typeof problem.detail === 'string' ? problem : undefined;
  } catch {
    return undefined;
  }
}

/** HEAD has no body to say it. */
function codeOfStatus(status: number): ErrorCode {
  const codes: Record<number, ErrorCode> = {
    401: 'unauthenticated',
    403: 'forbidden',
    404: 'not-found',
    410: 'gone',
    423: 'try-again',
  };
  return codes[status] ?? 'unexpected-answer';
}
