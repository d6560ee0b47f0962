/** Requests as one caller: with a good token each, once more with the next when it is refused, and within a time. */
import { type Answer, NO_TOKEN, readAnswer } from './answer.ts';
import type { TokenSource } from './token.ts';

/** An answer that is not a success; `answer` is null when none came. */
export class ApiError extends Error {
  readonly answer: Answer | null;
  constructor(answer: Answer | null) {
    super(answer?.detail ?? 'The server cannot be reached.');
    this.answer = answer;
  }
}

export type Requests = {
  /** Any answer counts. @throws {ApiError} when none came */
  send(url: string, init: RequestInit): Promise<Response>;
  /** @throws {ApiError} for an answer that is no success, too */
  succeed(url: string, init?: RequestInit): Promise<Response>;
  /** GET with a query, as JSON. */
  getJson<T>(url: string, query?: Record<string, string>): Promise<T>;
  /** Ends what is under way, but for what has `keepalive`. */
  destroy(): void;
};

const ANSWER_TIMEOUT_MS = 10_000;
/** A long list on a slow network. */
const BODY_TIMEOUT_MS = 60_000;

export function createRequests({ token }: { token: TokenSource }): Requests {
  const underWay = new Set<AbortController>();
  let destroyed = false;

  async function request(url: string, init: RequestInit, bearer: string | null): Promise<Response> {
    const controller = new AbortController();
    const abort = () => controller.abort();
    let timer = setTimeout(abort, ANSWER_TIMEOUT_MS);
    if (!init.keepalive) underWay.add(controller);
    try {
      const headers = { ...init.headers, ...(bearer !== null && { Authorization: `Bearer ${bearer}` }) };
      const response = await fetch(url, { credentials: 'same-origin', ...init, headers, signal: controller.signal });
      clearTimeout(timer);
      timer = setTimeout(abort, BODY_TIMEOUT_MS);
      const body = [204, 205, 304].includes(response.status) ? null : await response.arrayBuffer();
      return new Response(body, response);
    } finally {
      clearTimeout(timer);
      underWay.delete(controller);
    }
  }

  async function send(url: string, init: RequestInit): Promise<Response> {
    for (let attempt = 1; ; attempt++) {
      const bearer = await token.get().catch(() => {
        throw new ApiError(NO_TOKEN);
      });
      if (destroyed) throw new ApiError(null);
      const response = await request(url, init, bearer).catch(() => {
        throw new ApiError(null);
      });
      if (response.status !== 401) {
        if (response.status < 500) token.accepted(bearer);
        return response;
      }
      token.refused(bearer, (await answerOf(response.clone())).code);
      // The same cookie again would be refused again.
      if (attempt === 2 || bearer === null) return response;
    }
  }

  async function succeed(url: string, init: RequestInit = {}): Promise<Response> {
    const response = await send(url, init);
    if (!response.ok) throw new ApiError(await answerOf(response));
    return response;
  }

  return {
    send,
    succeed,
    async getJson<T>(url: string, query: Record<string, string> = {}): Promise<T> {
      const search = new URLSearchParams(query).toString();
      const response = await succeed(`${url}${search && `?${search}`}`);
      return (await response.json()) as T;
    },
    destroy() {
      destroyed = true;
      for (const controller of underWay) controller.abort();
    },
  };
}

export async function answerOf(response: Response): Promise<Answer> {
  const body = await response.text().catch(() => '');
  return readAnswer(response.status, response.headers.get('Retry-After'), body);
}
