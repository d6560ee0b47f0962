/** Socket.IO on the server's port: lets clients in, gives each its feed, and ends a socket with its token. */
import type { Server as HttpServer } from 'node:http';
import { Server, type Socket } from 'socket.io';
import type { AuthenticateToken } from '../auth/authenticate-token.ts';
import type { Origins } from '../auth/origins.ts';
import type { ErrorEvent } from '../contract/events.ts';
import { problemOf } from '../contract/problem.ts';
import { databaseFailure } from '../database/database-failure.ts';
import { Failure } from '../rules/failure.ts';
import { type Connection, type ConnectionNeeds, createConnection } from './socket-connection.ts';
import { type Entrance, enter, mayConnect } from './socket-handshake.ts';
import { answerMessages, limitMessages } from './socket-messages.ts';

type Needs = ConnectionNeeds & {
  authenticateToken: AuthenticateToken;
  origins: Origins;
  /** Something failed that is no client's fault. */
  onFault(error: unknown): void;
  now(): number;
};

/** Bytes of one message from a client. */
const MAX_MESSAGE_BYTES = 16 * 1024;
/** The longest delay setTimeout takes: 24.8 days. */
const MAX_TIMEOUT_MS = 2 ** 31 - 1;

export type SocketServer = { close(): Promise<void> };

export function createSocketServer(http: HttpServer, needs: Needs): SocketServer {
  const io = new Server(http, {
    serveClient: false,
    maxHttpBufferSize: MAX_MESSAGE_BYTES,
    allowRequest: (request, answer) => answer(null, mayConnect(needs.origins, request)),
    cors: (request, answer) => answer(null, { origin: mayConnect(needs.origins, request), credentials: true }),
  });
  io.use((socket, next) => {
    enter(needs, socket.handshake).then(
      (entrance) => {
        socket.data = entrance;
        next();
      },
      (error: unknown) => next(connectError(toFailure(needs, error))),
    );
  });
  io.on('connection', (socket) => {
    void serve(needs, socket, socket.data as Entrance);
  });
  return {
    close: async () => {
      io.disconnectSockets(true);
      await io.close();
    },
  };
}

async function serve(needs: Needs, socket: Socket, { caller, session, after }: Entrance): Promise<void> {
  const connection = createConnection(needs, socket, caller);
  const toErrorEvent = (error: unknown) => errorEvent(toFailure(needs, error));
  endWithToken(needs, socket, connection);
  limitMessages(socket, connection);
  answerMessages(socket, connection, toErrorEvent);
  socket.on('disconnect', connection.close);
  try {
    if (session === null) await connection.greet();
    else await connection.follow(session, after);
  } catch (error) {
    connection.listener.send(toErrorEvent(error));
    socket.disconnect(true);
  }
}

function endWithToken({ now }: Needs, socket: Socket, { caller, listener }: Connection): void {
  let timer: NodeJS.Timeout;
  const wait = () => {
    const leftMs = caller.expiresAt - now();
    timer = setTimeout(leftMs > MAX_TIMEOUT_MS ? wait : end, Math.min(Math.max(leftMs, 0), MAX_TIMEOUT_MS));
  };
  const end = () => {
    listener.send(errorEvent(new Failure('token-expired', 'The token has expired. Connect with a new one.')));
    socket.disconnect(true);
  };
  wait();
  socket.on('disconnect', () => clearTimeout(timer));
}

function toFailure({ onFault }: Needs, error: unknown): Failure {
  const failure = error instanceof Failure ? error : databaseFailure(error);
  if (failure !== null) return failure;
  onFault(error);
  return new Failure('server-error', undefined, { cause: error });
}

function errorEvent({ code, message }: Failure): ErrorEvent {
  return { type: 'error', code, detail: message };
}

/** What a Socket.IO client finds in `connect_error`: the problem object is its `data`. */
function connectError({ code, message }: Failure): Error {
  return Object.assign(new Error(message), { data: problemOf(code, message) });
}
