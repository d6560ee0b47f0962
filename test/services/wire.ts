/** One HTTP request over node:http, exactly as told: no redirects followed, no header added in silence, no pooling. */
import { type ClientRequest, type IncomingHttpHeaders, type IncomingMessage, request } from 'node:http';
import type { Readable } from 'node:stream';
import { finished, pipeline } from 'node:stream/promises';

const DEFAULT_TIMEOUT_MS = 60_000;

export type WireRequest = {
  method: string;
  url: string;
  /** An undefined value leaves the header out. */
  headers?: Record<string, string | undefined> | undefined;
  /** A Buffer or text gets a Content-Length; a stream is chunked unless the headers name its length. */
  body?: Buffer | string | Readable | undefined;
  timeoutMs?: number;
};

export type WireAnswer = { status: number; headers: IncomingHttpHeaders; body: Buffer };

/** Sends the request and collects the whole answer. */
export async function send({ body, ...rest }: WireRequest): Promise<WireAnswer> {
  const bytes = typeof body === 'string' ? Buffer.from(body) : body;
  const length = Buffer.isBuffer(bytes) ? { 'content-length': String(bytes.length) } : {};
  const opened = openRequest({ ...rest, headers: { ...length, ...rest.headers } });
  if (bytes === undefined || Buffer.isBuffer(bytes)) opened.request.end(bytes);
  // An answer may come before the body's end (a refusal): then the stream's error is not ours.
  else pipeline(bytes, opened.request).catch(() => undefined);
  return await opened.answer;
}

export type OpenRequest = {
  request: ClientRequest;
  answer: Promise<WireAnswer>;
  /** Resolves when the bytes have been handed to the kernel. */
  write(bytes: Buffer): Promise<void>;
  end(): void;
  /** Closes the connection in the middle of the body: what was written still arrives. */
  leave(): void;
  /** Ends the connection with an RST: what is under way may be lost. */
  abort(): void;
};

/** A request whose body is sent piece by piece by the test. `answer` must be awaited or aborted. */
export function openRequest({ method, url, headers = {}, timeoutMs = DEFAULT_TIMEOUT_MS }: WireRequest): OpenRequest {
  const sent: Record<string, string> = {};
  for (const [name, value] of Object.entries(headers)) if (value !== undefined) sent[name] = value;
  // `path` from the text itself: URL would tidy up `..` and the like, which some tests send on purpose.
  const { hostname, port, origin } = new URL(url);
  const path = url.slice(origin.length) || '/';
  const outgoing = request({ method, hostname, port, path, headers: sent, agent: false });
  const answer = new Promise<WireAnswer>((resolve, reject) => {
    const timer = setTimeout(() => {
      outgoing.destroy(new Error(`No answer to ${method} ${url} within ${timeoutMs} ms`));
    }, timeoutMs);
    let answering = false;
    outgoing.on('response', (response) => {
      answering = true;
      collect(response).then(resolve, reject);
    });
    outgoing.on('error', (error) => {
      // After an answer has begun, an error is about the rest of our body.
      if (!answering) reject(error);
    });
    outgoing.on('close', () => {
      clearTimeout(timer);
      if (!answering) reject(new Error(`The connection of ${method} ${url} closed without an answer`));
    });
  });
  answer.catch(() => undefined);
  return {
    request: outgoing,
    answer,
    async write(bytes) {
      await new Promise<void>((resolve, reject) => {
        outgoing.write(bytes, (error) => (error ? reject(error) : resolve()));
      });
    },
    end: () => void outgoing.end(),
    leave: () => void outgoing.destroy(),
    abort() {
      outgoing.socket?.resetAndDestroy();
      outgoing.destroy();
    },
  };
}

/** The answer's body as JSON. */
export function jsonOf<T>(answer: WireAnswer): T {
  return JSON.parse(answer.body.toString('utf8')) as T;
}

async function collect(response: IncomingMessage): Promise<WireAnswer> {
  const chunks: Buffer[] = [];
  response.on('data', (chunk: Buffer) => chunks.push(chunk));
  await finished(response);
  return { status: response.statusCode ?? 0, headers: response.headers, body: Buffer.concat(chunks) };
}
