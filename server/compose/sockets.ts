import type { IncomingMessage } from 'node:http';
import { hostAt } from '../http/socket-port.ts';
import { createKeyWatch } from '../realtime/end-with-key.ts';
import { createPlainWebSocket } from '../realtime/plain-websocket.ts';
import { createSocketPlaces } from '../realtime/socket-places.ts';
import { createSocketServer } from '../realtime/socket-server.ts';
import { actorOf } from '../rules/actor.ts';
import type { Participant } from '../rules/participant.ts';
import type { Callers } from './callers.ts';
import { countPlaces } from './metrics.ts';
import { now, type Parts } from './parts.ts';
import type { Sharing } from './sharing.ts';

/** Both kinds of sockets, on the port of HTTP; the plain one, if wanted, on a second. */
export function composeSockets(
  parts: Parts,
  sharing: Sharing,
  { origins, clientAddress, clientOf, securityLog }: Callers,
) {
  const { config, log, http, socketPort, ledger, feed, policies, auth, auditLog, metrics, draining } = parts;
  const { listFiles } = sharing;
  const { authenticateToken } = auth;
  const onFault = (err: unknown) => log.error({ err }, 'a socket message failed');
  const onConnected = (
    { caller, session }: { caller: Participant; session: string | null },
    request: IncomingMessage,
  ) => {
    const deed = { action: 'connected', company: caller.company, session } as const;
    auditLog.note(actorOf(caller, clientOf(request)), deed);
  };
  const keyWatch = createKeyWatch({ keysOf: policies.keysOf, onFault });
  policies.onChange(keyWatch.check);
  const places = createSocketPlaces();
  const connecting = { authenticateToken, origins, keyWatch, clientAddress };
  const onRefused = securityLog.refused;
  const socketNeeds = {
    ...connecting,
    feed,
    ledger,
    listFiles,
    onConnected,
    onRefused,
    onFault,
    requestIdOf: parts.requests.idOf,
    now,
  };
  const socketIo = createSocketServer(http, { ...socketNeeds, places: countPlaces(places, 'socket_io', metrics.http) });
  const plain = createPlainWebSocket({
    ...socketNeeds,
    places: countPlaces(places, 'websocket', metrics.http),
    answerHeaders: parts.answerHeaders,
    tokenInQuery: config.wsTokenInQuery,
    draining: draining.signal,
  });
  plain.attach(http);
  if (socketPort !== null) plain.attachAlone(socketPort, (host) => hostAt(http, host));
  const closePort = () => new Promise<void>((done) => (socketPort === null ? done() : socketPort.close(() => done())));
  return { close: async () => void (await Promise.all([socketIo.close(), plain.close(), closePort()])) };
}
