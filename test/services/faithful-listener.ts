/** Clients that lose their connection and come back with `after`, as the README says: nothing may be missing, or come twice. */
import { setTimeout as sleep } from 'node:timers/promises';
import { io } from 'socket.io-client';
import { WebSocket } from 'ws';
import type { ChatRoom } from './chat-room.ts';

export type FaithfulListener = {
  name: string;
  /** Of `file_shared`, as they came, over all connections. */
  shared: { id: number; seq: number; name: string; size: number }[];
  /** How often it was connected. */
  connections(): number;
  /** Resolves when it is connected for the first time. */
  connected: Promise<void>;
  close(): void;
};

const FIRST_RETRY_MS = 100;
const MAX_RETRY_MS = 1000;

type Ledgered = { type: string; seq?: number; id: number; name: string; size: number };

/** What both kinds have in common: where they stand, and what came. */
function createMemory(name: string) {
  let after: number | undefined;
  let connections = 0;
  let isConnected = () => {};
  const connected = new Promise<void>((resolve) => {
    isConnected = resolve;
  });
  const shared: FaithfulListener['shared'] = [];
  return {
    after: () => after,
    listener: { name, shared, connected, connections: () => connections },
    take({ type, ...event }: Ledgered) {
      if (type === 'connection_established') {
        connections += 1;
        after ??= event.seq;
        isConnected();
      }
      if (type !== 'file_shared' || event.seq === undefined) return;
      after = event.seq;
      shared.push({ id: event.id, seq: event.seq, name: event.name, size: event.size });
    },
  };
}

/** Over Socket.IO. */
export function listenBySocketIo(
  baseUrl: string,
  room: ChatRoom,
  transports: ('websocket' | 'polling')[] = ['websocket'],
): FaithfulListener {
  const memory = createMemory(`Socket.IO (${transports.join()}) in ${room.session}`);
  const socket = io(baseUrl, {
    transports,
    forceNew: true,
    reconnectionDelay: FIRST_RETRY_MS,
    reconnectionDelayMax: MAX_RETRY_MS,
    auth: (give) => give({ token: room.agent, session_id: room.session, after: memory.after() }),
  });
  let closed = false;
  // What the server ended or refused, the client does not try again by itself.
  const again = async () => {
    await sleep(FIRST_RETRY_MS);
    if (!closed && !socket.active) socket.connect();
  };
  socket.on('disconnect', () => void again());
  socket.on('connect_error', () => void again());
  socket.onAny((type: string, event: Omit<Ledgered, 'type'>) => memory.take({ ...event, type }));
  return {
    ...memory.listener,
    close() {
      closed = true;
      socket.disconnect();
    },
  };
}

/** Over the plain WebSocket. */
export function listenByWebSocket(baseUrl: string, room: ChatRoom): FaithfulListener {
  const memory = createMemory(`plain WebSocket in ${room.session}`);
  let closed = false;
  let socket: WebSocket;
  const connect = () => {
    const url = new URL(`/ws/chat/${room.company}/${room.session}/`, baseUrl.replace('http', 'ws'));
    url.searchParams.set('token', room.agent);
    if (memory.after() !== undefined) url.searchParams.set('after', String(memory.after()));
    socket = new WebSocket(url);
    socket.on('message', (data) => memory.take(JSON.parse(String(data))));
    socket.on('error', () => {});
    socket.on('close', async () => {
      await sleep(FIRST_RETRY_MS);
      if (!closed) connect();
    });
  };
  connect();
  return {
    ...memory.listener,
    close() {
      closed = true;
      socket.close();
    },
  };
}
