/** The original API's WebSocket: the same feed as Socket.IO, on the same port and, for old clients, on one of its own. */
import type { Server as HttpServer, IncomingMessage } from 'node:http';
import type { Duplex } from 'node:stream';
import { type WebSocket, WebSocketServer } from 'ws';
import type { AuthenticateToken } from '../auth/authenticate-token.ts';
import type { Origins } from '../auth/origins.ts';
import { Failure } from '../rules/failure.ts';
import type { Participant } from '../rules/participant.ts';
import { type HandshakeRequest, rememberRequest } from './handshake-request.ts';
import { createKeepAlive } from './keep-alive.ts';
import { CLOSE_CODES, type PlainNeeds, refusePlain, servePlain } from './plain-connection.ts';
import { enterPlain, type PlainEntrance, SUBPROTOCOL } from './plain-handshake.ts';
import { refuseUpgrade } from './refuse-upgrade.ts';
import { toFailure } from './socket-fault.ts';
import type { SocketPlaces } from './socket-places.ts';
import { MAX_MESSAGE_BYTES } from './wire.ts';

type Needs = Omit<PlainNeeds, 'onRefused'> & {
  authenticateToken: AuthenticateToken;
  origins: Origins;
  places: SocketPlaces;
  /** Somebody was let in: `request` says from where. */
  onConnected(entrance: Pick<PlainEntrance, 'caller' | 'session'>, request: IncomingMessage): void;
  /** Somebody was not, or asked for what is not theirs. */
  onRefused(failure: Failure, request: HandshakeRequest, caller?: Participant): void;
  /** Told with a refusal, and found in the log. */
  requestIdOf(request: IncomingMessage): string;
  /** Aborts when the server shuts down. */
  draining: AbortSignal;
  /** Whether an address may hold a token. */
  tokenInQuery: boolean;
  /** Of every answer: a handshake that is refused is one. */
  answerHeaders: Readonly<Record<string, string>>;
};

/** Socket.IO answers these itself. */
const SOCKET_IO_PATH = '/socket.io/';
/** A client that is gone without a word is noticed after one to two of these. */
const PING_EVERY_MS = 25_000;
/** Frames that one message may come in. */
const MAX_FRAGMENTS = 64;

const NOTHING = () => {};

export type PlainWebSocket = {
  /** Answers every upgrade on a server but Socket.IO's, which is on the same one. */
  attach(http: HttpServer): void;
  /**
   * Answers every upgrade on a server of its own. `pagesHost`: the Host under which the main server's pages are found by
   * who calls this one `host`.
   */
  attachAlone(http: HttpServer, pagesHost: (host: string | undefined) => string | undefined): void;
  /** Says goodbye, and resolves when all are gone. */
  close(): Promise<void>;
};

export function createPlainWebSocket(needs: Needs): PlainWebSocket {
  const server = new WebSocketServer({
    noServer: true,
    clientTracking: false,
    perMessageDeflate: false,
    maxPayload: MAX_MESSAGE_BYTES,
    maxFragments: MAX_FRAGMENTS,
    handleProtocols: (offered) => offered.has(SUBPROTOCOL) && SUBPROTOCOL,
  });
  const refuse = (socket: Duplex, failure: Failure, request: IncomingMessage) =>
    refuseUpgrade(socket, failure, needs.answerHeaders, needs.requestIdOf(request));
  server.on('headers', (headers, request) => headers.push(`X-Request-Id: ${needs.requestIdOf(request)}`));
  server.on('wsClientError', (error, socket, request) => {
    const failure = new Failure('invalid-request', 'This is no WebSocket handshake.', { cause: error });
    refuse(socket, failure, request);
  });
  const open = new Set<WebSocket>();
  // One for all: it stays on each socket as long as that one lives.
  function forget(this: WebSocket): void {
    open.delete(this);
  }
  const keepAlive = createKeepAlive();
  const beats = setInterval(keepAlive.beat, PING_EVERY_MS).unref();
  const begin = (socket: WebSocket) => {
    open.add(socket);
    // Frames that are too long or no frames at all; `close` follows.
    socket.on('close', forget).on('error', NOTHING);
    keepAlive.watch(socket);
  };
  const admit = (socket: WebSocket, entrance: PlainEntrance, request: IncomingMessage) => {
    try {
      socket.on('close', needs.places.take(entrance.caller));
    } catch (error) {
      const failure = toFailure(needs.onFault, error);
      needs.onRefused(failure, request, entrance.caller);
      refusePlain(socket, failure);
      return;
    }
    void servePlain(needs, socket, rememberRequest(request), entrance);
  };

  const answer = async (request: IncomingMessage, socket: Duplex, head: Buffer): Promise<void> => {
    const entrance = await enterPlain(needs, { url: request.url ?? '', headers: request.headers });
    if (needs.draining.aborted)
      throw new Failure('shutting-down', 'The server is restarting. Connect again in a moment.', {
        retryAfterSeconds: 1,
      });
    if (socket.destroyed) return;
    server.handleUpgrade(request, socket, head, (accepted) => {
      begin(accepted);
      needs.onConnected(entrance, request);
      admit(accepted, entrance, request);
    });
  };

  const onUpgrade = (request: IncomingMessage, socket: Duplex, head: Buffer) => {
    // A reset while the token is being checked must not end the process.
    socket.on('error', NOTHING);
    answer(request, socket, head).catch((error: unknown) => {
      const failure = toFailure(needs.onFault, error);
      needs.onRefused(failure, request);
      refuse(socket, failure, request);
    });
  };

  return {
    attach(http) {
      http.on('upgrade', (request, socket, head) => {
        if (!request.url?.startsWith(SOCKET_IO_PATH)) onUpgrade(request, socket, head);
      });
    },
    attachAlone(http, pagesHost) {
      http.on('upgrade', (request, socket, head) => {
        request.headers.host = pagesHost(request.headers.host);
        onUpgrade(request, socket, head);
      });
    },
    async close() {
      clearInterval(beats);
      const gone = [...open].map((socket) => new Promise((resolve) => socket.once('close', resolve)));
      for (const socket of open) socket.close(CLOSE_CODES.restart, 'the server is restarting');
      await Promise.all(gone);
    },
  };
}
