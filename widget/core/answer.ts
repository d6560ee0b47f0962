/** What a server's refusal says, read the same way from fetch and from XMLHttpRequest. */

export type Answer = {
  status: number;
  /** The problem's `code`; null where the body was not ours (a proxy's page). */
  code: string | null;
  /** One sentence for a person, from the problem's `detail`. */
  detail: string | null;
  /** From `Retry-After`, in either of its two forms. */
  retryAfterMs: number | null;
};

/** What the server would say to a request for which there is no token. */
export const NO_TOKEN: Answer = { status: 401, code: 'unauthenticated', detail: null, retryAfterMs: null };

const MAX_DETAIL_CHARACTERS = 400;
const MAX_RETRY_AFTER_MS = 10 * 60_000;

/** Reads status, `Retry-After` and the problem+json body of one answer; never throws. */
export function readAnswer(status: number, retryAfter: string | null, body: string): Answer {
  const problem = parseProblem(body);
  return {
    status,
    code: text(problem.code),
    detail: text(problem.detail) ?? text(problem.title),
    retryAfterMs: parseRetryAfter(retryAfter),
  };
}

function parseProblem(body: string): Record<string, unknown> {
  try {
    const value: unknown = JSON.parse(body);
    return typeof value === 'object' && value !== null ? (value as Record<string, unknown>) : {};
  } catch {
    return {};
  }
}

function text(value: unknown): string | null {
  return typeof value === 'string' && value !== '' ? value.slice(0, MAX_DETAIL_CHARACTERS) : null;
}

/** RFC 9110 section 10.2.3: seconds or an HTTP date. */
function parseRetryAfter(value: string | null): number | null {
  if (!value) return null;
  const waitMs = /^\d+$/.test(value.trim()) ? Number(value) * 1000 : Date.parse(value) - Date.now();
  return Number.isFinite(waitMs) ? Math.min(Math.max(waitMs, 0), MAX_RETRY_AFTER_MS) : null;
}
