/** The one error that is thrown on purpose: a code of the problem table, and a sentence for the person. */
import { PROBLEMS, type ProblemCode } from '../contract/problem.ts';

export type FailureOptions = {
  /** Sent as `Retry-After`, in whole seconds. */
  retryAfterSeconds?: number;
  /** Extra response headers, such as the current `Upload-Offset` of a 409. */
  headers?: Record<string, string>;
  cause?: unknown;
};

/** Thrown once, rendered at the three edges (HTTP, tus, socket) from one table. */
export class Failure extends Error {
  readonly code: ProblemCode;
  readonly retryAfterSeconds: number | undefined;
  readonly headers: Record<string, string>;

  constructor(code: ProblemCode, detail?: string, options: FailureOptions = {}) {
    super(detail ?? `${PROBLEMS[code][1]}.`, { cause: options.cause });
    this.name = 'Failure';
    this.code = code;
    this.retryAfterSeconds = options.retryAfterSeconds;
    this.headers = options.headers ?? {};
  }

  get status(): number {
    return PROBLEMS[this.code][0];
  }
}
