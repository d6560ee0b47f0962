/** Socket.IO on the server's port: lets clients in, gives each its feed, and ends a socket with its token. */
import type { Server as HttpServer, IncomingMessage } from 'node:http';
import { Server, type Socket } from 'socket.io';
import type { AuthenticateToken } from '../auth/authenticate-token.ts';
import type { Origins } from '../auth/origins.ts';
import type { ErrorEvent } from '../contract/events.ts';
import { problemOf } from '../contract/problem.ts';
import { Failure } from '../rules/failure.ts';
import type { Participant } from '../rules/participant.ts';
import { createAnteroom, MAX_WAIT_MS } from './anteroom.ts';
import type { KeyWatch } from './end-with-key.ts';
import { endWithToken } from './end-with-token.ts';
import { type EngineConnection, limitPackets } from './engine-connection.ts';
import { forgetRequest, type HandshakeRequest, rememberRequest } from './handshake-request.ts';
import { type ConnectionNeeds, createConnection } from './socket-connection.ts';
import { errorEvent, keyRemoved, toFailure, tokenExpired } from './socket-fault.ts';
import { type Entrance, enter, mayConnect } from './socket-handshake.ts';
import { SocketIoWire } from './socket-io-wire.ts';
import { answerMessages } from './socket-messages.ts';
import type { SocketPlaces } from './socket-places.ts';
import { MAX_MESSAGE_BYTES } from './wire.ts';

type Needs = ConnectionNeeds & {
  authenticateToken: AuthenticateToken;
  origins: Origins;
  places: SocketPlaces;
  keyWatch: Pick<KeyWatch, 'watch'>;
  /** Whose connection it is, for counting. */
  clientAddress(request: IncomingMessage): string;
  /** Somebody was let in: `request` says from where. */
  onConnected(entrance: Pick<Entrance, 'caller' | 'session'>, request: IncomingMessage): void;
  /** Somebody was not, or asked for what is not theirs. */
  onRefused(failure: Failure, request: HandshakeRequest, caller?: Participant): void;
  /** Told with a refusal, and found in the log. */
  requestIdOf(request: IncomingMessage): string;
  /** Something failed that is no client's fault. */
  onFault(error: unknown): void;
  now(): number;
};

export type SocketServer = { close(): Promise<void> };

export function createSocketServer(http: HttpServer, needs: Needs): SocketServer {
  const anteroom = createAnteroom();
  const entering = new WeakSet<EngineConnection>();
  const io = new Server(http, {
    serveClient: false,
    // The plain WebSocket shares the port: it answers every other upgrade.
    destroyUpgrade: false,
    maxHttpBufferSize: MAX_MESSAGE_BYTES,
    connectTimeout: MAX_WAIT_MS,
    allowRequest: (request, answer) => {
      const isOurs = mayConnect(needs.origins, request);
      if (!isOurs) needs.onRefused(new Failure('forbidden', 'This Origin is not allowed.'), request);
      answer(null, isOurs && anteroom.hasRoom(needs.clientAddress(request)));
    },
    cors: (request, answer) => answer(null, { origin: mayConnect(needs.origins, request), credentials: true }),
  });
  io.engine.on('connection', (connection: EngineConnection) => {
    limitPackets(connection);
    anteroom.enter(connection, needs.clientAddress(connection.request));
  });
  io.use((socket, next) => {
    // Socket.IO ends a connection whose client asks to be let in once more, but lets two in that ask at once.
    if (entering.has(socket.conn)) {
      socket.conn.close();
      return next(new Error('This client asks twice.'));
    }
    entering.add(socket.conn);
    enter(needs, socket.handshake)
      .then((entrance) => {
        takePlace(needs.places, socket.conn, entrance);
        anteroom.leave(socket.conn);
        socket.data = entrance;
      })
      .then(
        () => next(),
        (error: unknown) => {
          entering.delete(socket.conn);
          const failure = toFailure(needs.onFault, error);
          needs.onRefused(failure, socket.request);
          next(connectError(failure, needs.requestIdOf(socket.request)));
        },
      );
  });
  io.on('connection', (socket) => {
    entering.delete(socket.conn);
    const entrance = socket.data as Entrance;
    needs.onConnected(entrance, socket.request);
    const request = rememberRequest(socket.request);
    forgetRequest(socket.conn);
    // The token and the headers once more.
    Object.assign(socket, { data: undefined, handshake: undefined });
    void serve(needs, socket, request, entrance);
  });
  return {
    close: async () => {
      io.disconnectSockets(true);
      await io.close();
    },
  };
}

/** Until the connection ends: Socket.IO may forget a socket whose connection is still there. @throws {Failure} `too-many-sockets` */
function takePlace(places: SocketPlaces, connection: EngineConnection, { caller }: Entrance): void {
  const giveBack = places.take(caller);
  connection.on('close', giveBack);
  // It may have ended while the token was checked, and says so only once.
  if (connection.readyState !== 'open') giveBack();
}

async function serve(
  needs: Needs,
  socket: Socket,
  request: HandshakeRequest,
  { caller, session, after }: Entrance,
): Promise<void> {
  const connection = createConnection(needs, new SocketIoWire(socket), caller);
  const toErrorEvent = (error: unknown) => {
    const failure = toFailure(needs.onFault, error);
    needs.onRefused(failure, request, caller);
    return errorEvent(failure);
  };
  const endWith = (last: ErrorEvent) => {
    connection.send(last);
    socket.disconnect(true);
  };
  const callOff = endWithToken(needs.now, caller.expiresAt, () => endWith(tokenExpired()));
  const unwatch = needs.keyWatch.watch(caller, () => endWith(keyRemoved()));
  answerMessages(socket, connection, toErrorEvent);
  socket.on('disconnect', () => {
    callOff();
    unwatch();
    connection.close();
    // With its socket gone, a connection would be nobody's, and stay as long as it answers pings.
    socket.conn.close();
  });
  try {
    if (session === null) await connection.greet();
    else await connection.follow(session, after);
  } catch (error) {
    connection.send(toErrorEvent(error));
    socket.disconnect(true);
  }
}

/** What a Socket.IO client finds in `connect_error`: the problem object is its `data`. */
function connectError({ code, message }: Failure, requestId: string): Error {
  return Object.assign(new Error(message), { data: problemOf(code, message, requestId) });
}
