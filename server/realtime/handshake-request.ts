/** What is kept of a handshake's request: all of it takes kilobytes, and would stay as long as the connection that it opened. */
import type { IncomingMessage } from 'node:http';
import type { EngineConnection } from './engine-connection.ts';

/** What can still be told of it: who asked, and for what. */
export type HandshakeRequest = Pick<IncomingMessage, 'method' | 'url' | 'headers' | 'socket'>;

const NO_HEADERS = Object.freeze({});

/** Without the query, which may hold a token. */
export function rememberRequest({ method, url = '', headers, socket }: HandshakeRequest): HandshakeRequest {
  const [path = ''] = url.split('?', 1);
  const forwardedFor = headers['x-forwarded-for'];
  return {
    method,
    // A copy: a part of a text keeps the whole text.
    url: Buffer.from(path).toString(),
    headers: forwardedFor === undefined ? NO_HEADERS : { 'x-forwarded-for': forwardedFor },
    socket,
  };
}

type Emitter = Pick<NodeJS.EventEmitter, 'rawListeners' | 'off'>;

/**
 * Engine.IO keeps the request of a connection, twice more in listeners that wait for the handshake to fail, and reads none
 * of them again once it is over.
 */
export function forgetRequest(connection: EngineConnection): void {
  const { request, transport } = connection;
  const { socket: webSocket } = transport as { socket?: Emitter };
  if (webSocket !== undefined) {
    // The transport's own is the last; the one before it was for what may happen until then.
    for (const early of webSocket.rawListeners('error').slice(0, -1)) off(webSocket, 'error', early);
    // Of the answer to the handshake, which tells a middleware that the client has left. What else listens, listens on.
    for (const once of request.socket.rawListeners('close')) if ('listener' in once) off(request.socket, 'close', once);
  }
  Object.assign(connection, { request: null });
}

function off(emitter: Emitter, event: string, listener: unknown): void {
  const { listener: original } = listener as { listener?: unknown };
  emitter.off(event, (original ?? listener) as () => void);
}
