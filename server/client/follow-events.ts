/**
 * The events of a session or a company as one iterator, over the plain WebSocket. A connection that ends is made anew with
 * `after`, so that each entry of the ledger comes once, in order, with none left out; passing events may be missed meanwhile.
 */
import type { WebSocket } from 'ws';
import type { ServerEvent } from '../contract/events.ts';
import { ChatdropError, errorOf } from './chatdrop-error.ts';
import { pathOf } from './path-of.ts';
import { type Requester, waitFor } from './requester.ts';
import { claimsOf } from './token-source.ts';
import { wait } from './wait.ts';

export type FollowOptions = {
  /** Left out: the token's; the whole company for an agent whose token names none. */
  session?: string;
  /** The token's if left out. */
  company?: string;
  /** The `seq` of the last entry that you have; left out: from now on. */
  after?: number;
  signal?: AbortSignal;
};

/** The server pings every 25 s. */
const MAX_SILENCE_MS = 70_000;
const HANDSHAKE_TIMEOUT_MS = 30_000;
/** Events that wait for their reader; above it nothing is read from the socket. */
const MAX_WAITING_EVENTS = 500;
/** `ws`: why the server closed a connection. */
const CLOSED = { tokenExpired: 4401, restart: 1012 };

/** @throws {ChatdropError} when the server does not let it in for good; the signal's reason */
export async function* followEvents(
  requester: Requester,
  options: FollowOptions = {},
): AsyncGenerator<ServerEvent, void, undefined> {
  const { signal } = options;
  const place = createPlace(options.after);
  let faults = 0;
  let refused: string | undefined;
  for (;;) {
    signal?.throwIfAborted();
    const token = await requester.tokens.get(refused);
    const connection = await connect(addressOf(requester, token, options, place.after()), token, signal);
    try {
      for await (const event of connection.events) {
        if (event.type === 'connection_established') {
          faults = 0;
          refused = undefined;
        }
        if (place.isNew(event)) yield event;
      }
    } finally {
      connection.close();
    }
    signal?.throwIfAborted();
    const ended = connection.ended();
    if (ended.status === 401 && requester.tokens.renewable && refused === undefined) {
      // A second one that is refused is no better than the first.
      refused = token;
      continue;
    }
    if (!mayComeBack(ended)) throw ended;
    await wait(waitFor(ended, faults), signal);
    faults += 1;
  }
}

/** How far in the ledger we are, and what of all that comes is new. */
function createPlace(start: number | undefined): { after(): number | undefined; isNew(event: ServerEvent): boolean } {
  let after = start;
  let resyncsFrom: number | undefined;
  let greetedAt = 0;
  return {
    after: () => after,
    isNew(event) {
      switch (event.type) {
        case 'connection_established':
          greetedAt = event.seq;
          after ??= event.seq;
          return true;
        case 'error':
          // What we knew is no longer kept, or never was: the ledger begins anew at the greeting, or at the list that follows.
          if (event.code === 'resync') resyncsFrom = after = greetedAt;
          // Said before the connection is closed; that is dealt with there.
          return event.code !== 'token-expired';
        case 'file_list':
          if (resyncsFrom !== undefined) after = event.seq;
          resyncsFrom = undefined;
          return true;
        case 'upload_progress':
          return true;
        default:
          if (after !== undefined && event.seq <= after) return false;
          after = event.seq;
          return true;
      }
    },
  };
}

function mayComeBack({ status }: ChatdropError): boolean {
  return status === 0 || status === 429 || status >= 500;
}

function addressOf(
  { url }: Requester,
  token: string,
  { company = claimsOf(token).company_id, session }: FollowOptions,
  after: number | undefined,
): string {
  if (company === undefined) throw new ChatdropError('invalid-request', 'The token names no company: say which.');
  const place = pathOf('/ws/chat/', company, ...(session === undefined ? [] : [session]));
  return `${url.replace(/^http/, 'ws')}${place}${after === undefined ? '' : `?after=${after}`}`;
}

type Connection = {
  events: AsyncIterable<ServerEvent>;
  /** Why it is over. */
  ended(): ChatdropError;
  close(): void;
};

async function connect(url: string, token: string, signal: AbortSignal | undefined): Promise<Connection> {
  const { WebSocket: Socket } = await import('ws');
  // Who left while the token was fetched would be listened to by nobody.
  signal?.throwIfAborted();
  const socket = new Socket(url, {
    headers: { Authorization: `Bearer ${token}` },
    handshakeTimeout: HANDSHAKE_TIMEOUT_MS,
    perMessageDeflate: false,
  });
  const waiting: ServerEvent[] = [];
  let isOver = false;
  let reason = new ChatdropError('unreachable', 'The connection has ended.');
  let wake = () => {};
  const over = (why?: ChatdropError) => {
    if (why !== undefined && !isOver) reason = why;
    isOver = true;
    wake();
  };
  const abort = () => socket.terminate();
  signal?.addEventListener('abort', abort, { once: true });
  const silence = watchSilence(socket);
  socket.on('message', (data) => {
    waiting.push(JSON.parse(String(data)) as ServerEvent);
    if (waiting.length >= MAX_WAITING_EVENTS && !socket.isPaused) {
      silence.stop();
      socket.pause();
    }
    wake();
  });
  socket.on('unexpected-response', (_request, response) => {
    let body = '';
    response.setEncoding('utf8').on('data', (text: string) => {
      body += text;
    });
    response.on('end', () => {
      const headers = new Headers(
        Object.entries(response.headers).map(([name, value]) => [name, String(value)] as [string, string]),
      );
      over(errorOf(response.statusCode ?? 0, headers, body));
      socket.terminate();
    });
  });
  // `close` follows, and says all that there is to say.
  socket.on('error', () => {});
  socket.on('close', (code) => {
    silence.stop();
    signal?.removeEventListener('abort', abort);
    over(closedBy(code));
  });
  return {
    events: (async function* () {
      for (;;) {
        const event = waiting.shift();
        if (event !== undefined) {
          yield event;
        } else if (isOver) {
          return;
        } else if (socket.isPaused) {
          socket.resume();
          silence.start();
        } else {
          await new Promise<void>((resolve) => {
            wake = resolve;
          });
        }
      }
    })(),
    ended: () => reason,
    close: () => socket.terminate(),
  };
}

function closedBy(code: number): ChatdropError {
  if (code === CLOSED.tokenExpired)
    return new ChatdropError('token-expired', 'The token has expired.', { status: 401 });
  const more = code === CLOSED.restart ? { retryAfterSeconds: 1 } : {};
  return new ChatdropError('unreachable', `The connection was closed (${code}).`, more);
}

/** A network that swallows everything closes nothing. */
function watchSilence(socket: WebSocket): { start(): void; stop(): void } {
  let timer: ReturnType<typeof setTimeout> | undefined;
  const stop = () => clearTimeout(timer);
  const start = () => {
    stop();
    timer = setTimeout(() => socket.terminate(), MAX_SILENCE_MS);
  };
  start();
  socket.on('open', start).on('ping', start);
  return { start, stop };
}
