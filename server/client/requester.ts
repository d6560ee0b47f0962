/** One request of the client: with its token, a limit of time, and patience for a server that says "later". */
import { ChatdropError, errorOf } from './chatdrop-error.ts';
import type { TokenSource } from './token-source.ts';
import { backOffMs, wait } from './wait.ts';

export type Query = Record<string, string | number | boolean | undefined>;

export type Call = {
  method: 'GET' | 'HEAD' | 'POST' | 'PUT' | 'PATCH' | 'DELETE';
  /** A path below the server's address, or a whole address on the same server. */
  path: string;
  query?: Query;
  headers?: Record<string, string>;
  body?: Uint8Array<ArrayBuffer>;
  /** A body as JSON. */
  json?: unknown;
  signal?: AbortSignal | undefined;
  /** False: a refusal or a fault is thrown at once. */
  patient?: boolean;
  /** Until the answer's headers are here. */
  timeoutMs?: number;
};

export type Requester = {
  /** An answer below 300, its body unread. @throws {ChatdropError} */
  send(call: Call): Promise<Response>;
  json<T>(call: Call): Promise<T>;
  /** The server's address, without a slash at its end. */
  url: string;
  tokens: TokenSource;
};

export type RequesterOptions = {
  url: string;
  tokens: TokenSource;
  /** Milliseconds that a call may spend on waiting for another attempt, all together. */
  maxWaitMs: number;
  fetch: typeof fetch;
};

const DEFAULT_TIMEOUT_MS = 60_000;
/** The server, or what stands before it, asks to come back. */
const LATER = [423, 429, 502, 503, 504];
/** Of these nobody knows whether the server did it. */
const MAYBE_DONE = [502, 504];

export function createRequester({ url, tokens, maxWaitMs, fetch }: RequesterOptions): Requester {
  const base = url.replace(/\/+$/, '');

  const send = async (call: Call): Promise<Response> => {
    let waitedMs = 0;
    let refused: string | undefined;
    let before: ChatdropError | undefined;
    for (let attempts = 0; ; attempts += 1) {
      const token = await tokens.get(refused);
      const answer = await attempt(fetch, addressOf(base, call), call, token);
      if (answer instanceof Response) return answer;
      // The answer that was lost had said that it is gone.
      if (answer.status === 404 && call.method === 'DELETE' && before?.status === 0) return new Response(null);
      before = answer;
      if (answer.status === 401 && tokens.renewable && refused === undefined) {
        refused = token;
        continue;
      }
      const waitMs = waitFor(answer, attempts);
      waitedMs += waitMs;
      if (call.patient === false || !mayRepeat(call, answer) || waitedMs > maxWaitMs) throw answer;
      await wait(waitMs, call.signal);
    }
  };

  return {
    send,
    json: async <T>(call: Call) => {
      const answer = await send(call);
      try {
        return (await answer.json()) as T;
      } catch (cause) {
        call.signal?.throwIfAborted();
        throw new ChatdropError('unreachable', 'The answer broke off.', { cause });
      }
    },
    url: base,
    tokens,
  };
}

/** Milliseconds until the next attempt: what the server asks for, else longer each time. */
export function waitFor({ retryAfterSeconds }: ChatdropError, attempts: number): number {
  return retryAfterSeconds === undefined ? backOffMs(attempts) : retryAfterSeconds * 1000;
}

/** @throws the reason of the caller's signal, and nothing else */
async function attempt(
  fetch: RequesterOptions['fetch'],
  address: string,
  call: Call,
  token: string,
): Promise<Response | ChatdropError> {
  const { signal, timeoutMs = DEFAULT_TIMEOUT_MS } = call;
  const tooLong = new AbortController();
  const timer = setTimeout(() => tooLong.abort(new Error(`No answer within ${timeoutMs} ms.`)), timeoutMs);
  try {
    const response = await fetch(address, {
      method: call.method,
      headers: headersOf(call, token),
      // Bytes may lie in a bucket; what is sent, and may be a secret, is for this server.
      redirect: call.method === 'GET' ? 'follow' : 'manual',
      body: call.json === undefined ? (call.body ?? null) : JSON.stringify(call.json),
      // The caller's holds for the body too, the time only until it begins.
      signal: signal === undefined ? tooLong.signal : AbortSignal.any([signal, tooLong.signal]),
    });
    if (response.ok) return response;
    return errorOf(response.status, response.headers, await response.text());
  } catch (cause) {
    signal?.throwIfAborted();
    return new ChatdropError('unreachable', `No answer from ${new URL(address).host}.`, { cause });
  } finally {
    clearTimeout(timer);
  }
}

/** What was refused was not done; what got no answer may be done twice only where that is the same as once. */
function mayRepeat({ method }: Call, { status }: ChatdropError): boolean {
  if (status === 0 || MAYBE_DONE.includes(status)) return method !== 'POST' && method !== 'PATCH';
  return LATER.includes(status);
}

function addressOf(base: string, { path, query = {} }: Call): string {
  const url = new URL(/^https?:/.test(path) ? path : base + path);
  // A token goes to the server that it is for.
  if (url.origin !== new URL(base).origin)
    throw new ChatdropError('unexpected-answer', `${url.origin} is not the server.`);
  for (const [name, value] of Object.entries(query)) if (value !== undefined) url.searchParams.set(name, String(value));
  return url.href;
}

function headersOf({ headers = {}, json }: Call, token: string): Record<string, string> {
  return {
    Accept: 'application/json, application/problem+json, */*',
    Authorization: `Bearer ${token}`,
    ...(json === undefined ? {} : { 'Content-Type': 'application/json' }),
    ...headers,
  };
}
