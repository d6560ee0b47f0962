/** Node's HTTP server: its time limits, its address, and its answer to what is no HTTP. */
import { createServer, type IncomingMessage, type Server, type ServerOptions, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import type { Duplex } from 'node:stream';
import { type ProblemCode, problemOf } from '../contract/problem.ts';
import { headerLines } from '../rules/answer-headers.ts';
import { ownResponse } from './own-response.ts';
import { createRequestContext, newRequestId, REQUEST_ID_HEADER, type RequestContext } from './request-context.ts';

/** A client has this long for its headers. A body may take for ever, as long as bytes come: a phone in a tunnel. */
const HEADERS_TIMEOUT_MS = 30_000;
/** Longer than the usual proxy keeps its connections, so that it is never we who close one that it just reused. */
const KEEP_ALIVE_TIMEOUT_MS = 75_000;

/** Node 22.21 and later know it; its types do not yet. */
type UpgradeOptions = ServerOptions & { shouldUpgradeCallback(request: IncomingMessage): boolean };

/** Where a server listens, or did: one that drains has no address any more, and still answers with links. */
const ports = new WeakMap<Server, number>();

type Requests = Pick<RequestContext, 'idOf' | 'run'>;

/**
 * `headers` are those of every answer, also of those that Socket.IO gives, and of refusals of what is no HTTP; `requests`
 * gives each its id, and knows in whatever is done for it which one it is.
 */
export function createHttpServer(
  headers: Readonly<Record<string, string>> = {},
  requests: Requests = createRequestContext({ trustProxy: 0 }),
): Server {
  const options: UpgradeOptions = {
    requestTimeout: 0,
    headersTimeout: HEADERS_TIMEOUT_MS,
    keepAliveTimeout: KEEP_ALIVE_TIMEOUT_MS,
    // Some clients offer HTTP/2 with every request (`Upgrade: h2c`). "A server MAY ignore" it (RFC 9110 section 7.8).
    shouldUpgradeCallback: ({ headers: { upgrade } }) => /^websocket$/i.test(upgrade ?? ''),
    ServerResponse: ownResponse(headers, requests),
  };
  const server = createServer(options);
  server.on('clientError', (error, socket) => refuseUnreadable(error, socket, headers));
  const emit = server.emit.bind(server) as (event: string, ...about: unknown[]) => boolean;
  // Here, since who answers is not always Koa: Socket.IO and the plain WebSocket hear of requests by events of their own.
  server.emit = (event: string, ...about: unknown[]) => {
    const tell = () => emit(event, ...about);
    return event === 'request' || event === 'upgrade' ? requests.run(about[0] as IncomingMessage, tell) : tell();
  };
  server.on('listening', () => ports.set(server, (server.address() as AddressInfo).port));
  return server;
}

export type Connections = { endIdle(): void; endSockets(): void; endAll(): void };

/** Node no longer counts a connection that became a WebSocket, and would wait for a silent one for ever. */
export function trackConnections(...servers: Server[]): Connections {
  const all = new Set<Duplex>();
  const upgraded = new Set<Duplex>();
  const track = (open: Set<Duplex>) => {
    // One for all: it stays on each connection as long as that one lives.
    function forget(this: Duplex): void {
      open.delete(this);
    }
    return (socket: Duplex) => {
      open.add(socket);
      socket.on('close', forget);
    };
  };
  const [trackAll, trackUpgraded] = [track(all), track(upgraded)];
  for (const server of servers) {
    server.on('connection', trackAll);
    server.on('upgrade', (_request, socket) => trackUpgraded(socket));
  }
  const end = (open: Set<Duplex>) => () => {
    for (const socket of open) socket.destroy();
  };
  const endIdle = () => {
    for (const server of servers) server.closeIdleConnections();
  };
  return { endIdle, endSockets: end(upgraded), endAll: end(all) };
}

/** @throws when the port is taken, with what to do about it */
export function listen(server: Server, host: string, port: number, setting = 'PORT'): Promise<void> {
  return new Promise((resolve, reject) => {
    server.once('error', (error: NodeJS.ErrnoException) => {
      const taken = `Port ${port} is in use. Stop the other program, or set another ${setting}.`;
      reject(error.code === 'EADDRINUSE' ? new Error(taken, { cause: error }) : error);
    });
    server.listen(port, host, resolve);
  });
}

/** @throws when it has not listened yet */
export function portOf(server: Server): number {
  const port = ports.get(server);
  if (port === undefined) throw new Error('the server does not listen yet');
  return port;
}

/** `http://host:port` of a server that listens, or did. */
export function addressOf(server: Server, host: string): string {
  return `http://${host.includes(':') ? `[${host}]` : host}:${portOf(server)}`;
}

const CODES: Record<string, ProblemCode> = {
  HPE_HEADER_OVERFLOW: 'headers-too-large',
  ERR_HTTP_REQUEST_TIMEOUT: 'request-timeout',
};

function refuseUnreadable(
  error: NodeJS.ErrnoException,
  socket: Duplex & { _httpMessage?: ServerResponse },
  headers: Readonly<Record<string, string>>,
): void {
  // An answer that has begun must not get a second one into it; Node's own handler looks at the same place.
  const hasBegun = socket._httpMessage?.headersSent ?? false;
  if (error.code === 'ECONNRESET' || !socket.writable || hasBegun) {
    socket.destroy();
    return;
  }
  const requestId = newRequestId();
  const problem = problemOf(CODES[error.code ?? ''] ?? 'invalid-request', undefined, requestId);
  const body = JSON.stringify(problem);
  socket.end(
    `HTTP/1.1 ${problem.status} ${problem.title}\r\nContent-Type: application/problem+json\r\n${headerLines({ ...headers, [REQUEST_ID_HEADER]: requestId })}` +
      `Content-Length: ${Buffer.byteLength(body)}\r\nConnection: close\r\n\r\n${body}`,
  );
}
