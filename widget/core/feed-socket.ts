/** The live connection of a session or a company: Socket.IO with a good token for each try, and an end only where trying is of no use. */
import type { Socket } from 'socket.io-client';
import type {
  ErrorEvent,
  FileListEvent,
  FileRemoved,
  FileShared,
  FileUpdated,
  UploadProgress,
} from '../../server/contract/events.ts';
import { createObservable, type Observable } from './observable.ts';
import { createRetry } from './retry.ts';
import type { TokenSource } from './token.ts';

export type Connection =
  | { state: 'connecting' | 'live' | 'reconnecting' }
  /** The server will not have us: trying again does not help by itself. */
  | { state: 'refused'; detail: string };

export type ServerEvents = {
  file_shared: (event: FileShared) => void;
  file_updated: (event: FileUpdated) => void;
  file_removed: (event: FileRemoved) => void;
  file_list: (event: FileListEvent) => void;
  upload_progress: (event: UploadProgress) => void;
  error: (event: ErrorEvent) => void;
};

export type FeedSocket = {
  connection: Observable<Connection>;
  /** Connects, and goes on trying. Nothing happens where it is connected already. */
  connect(): void;
  /** Lets the connection go until the next `connect`: who waits to join would be put out, and come again and again. */
  rest(): void;
  /** The server refused this caller by HTTP: the same will hold here. */
  refuse(detail: string): void;
  destroy(): void;
};

type LiveSocket = Socket<ServerEvents, { follow: (message: { after: number }) => void }>;
type Problem = { code?: string; detail?: string };

type Client = Pick<typeof import('socket.io-client'), 'io'>;
let client: Client | null = null;

/**
 * From a page that connects at once, and has it among its own scripts: then nothing else is waited for.
 * @param brought the module; its type is not named, since what is declared here is read where there is no such package
 */
export function takeClient(brought: { io: unknown }): void {
  client = brought as Client;
}

/** A fifth of the widget's bytes, and nothing that the list waits for: it comes beside it. */
async function loadClient(): Promise<Client> {
  client ??= await import('socket.io-client');
  return client;
}

/** Gets what every connection needs, for whoever will want one soon. A failure is left to who connects. */
export function prepareToConnect(): void {
  loadClient().catch(() => {});
}

const FIRST_RETRY_MS = 1000;
const MAX_RETRY_MS = 30_000;

/**
 * `after` is asked at every connection: the ledger's place from which on events are needed. `sessionId` null: all sessions
 * of the company, for an agent whose token names none.
 */
export function createFeedSocket(needs: {
  apiBaseUrl: string;
  companyId: string;
  sessionId: string | null;
  token: TokenSource;
  after: () => number;
  /** The connection is opened meanwhile; only then it says who it is, and asks `after`. */
  beforeJoining?: () => Promise<void>;
  handlers: Partial<ServerEvents>;
  onConnected: () => void;
}): FeedSocket {
  const { token } = needs;
  const connection = createObservable<Connection>({ state: 'connecting' });
  const retry = createRetry({ firstMs: FIRST_RETRY_MS, maxMs: MAX_RETRY_MS });
  let bearer: string | null = null;
  let isResting = false;
  let destroyed = false;

  let socket: LiveSocket | null = null;
  let opening: Promise<LiveSocket> | null = null;
  let joining = 0;

  async function open(): Promise<LiveSocket> {
    const { io } = await loadClient();
    const next: LiveSocket = io(needs.apiBaseUrl, {
      autoConnect: false,
      // A connection of our own: two chats of one page come and go by themselves.
      forceNew: true,
      transports: ['websocket', 'polling'],
      tryAllTransports: true,
      reconnectionDelay: FIRST_RETRY_MS,
      reconnectionDelayMax: MAX_RETRY_MS,
      // Runs for every connection: each has a good token and goes on where the last one stopped.
      auth(callback) {
        joining += 1;
        void join(joining, callback);
      },
    });
    listen(next);
    return next;
  }

  async function join(turn: number, callback: (auth: object) => void): Promise<void> {
    await needs.beforeJoining?.();
    // An empty token is refused by the server, which brings us to `connect_error` and its retry.
    const next = await token.get().catch(() => '');
    // Who was let wait too long has been put out, and another connection asks by now: that one joins, once.
    if (turn !== joining) return;
    bearer = next;
    const session = needs.sessionId === null ? {} : { session_id: needs.sessionId, after: needs.after() };
    callback({ ...(next !== null && { token: next }), company_id: needs.companyId, ...session });
  }

  function listen(socket: LiveSocket): void {
    socket.on('connect', () => {
      retry.reset();
      if (bearer !== '') token.accepted(bearer);
      if (needs.sessionId === null) socket.emit('follow', { after: needs.after() });
      connection.set({ state: 'live' });
      needs.onConnected();
    });
    socket.on('disconnect', () => {
      if (destroyed || connection.get().state === 'refused') return;
      connection.set({ state: 'reconnecting' });
      // Socket.IO goes on by itself after a lost network, but not after a goodbye (a token that ended, a restart).
      if (!socket.active) retryLater();
    });
    socket.on('connect_error', (error) => {
      if (destroyed || socket.active) return;
      const { code, detail } = (error as Error & { data?: Problem }).data ?? {};
      if (code === 'forbidden') return refuse(detail ?? error.message);
      if (bearer !== '' && (code === 'unauthenticated' || code === 'token-expired')) token.refused(bearer, code);
      retryLater();
    });
    for (const [name, handler] of Object.entries(needs.handlers)) socket.on(name as keyof ServerEvents, handler);
  }

  async function connect(): Promise<void> {
    if (destroyed || isResting || socket?.connected) return;
    try {
      // Without a token there is nothing to ask the server.
      await token.get();
      opening ??= open();
      socket = await opening;
      // Who is on the way in already would ask twice, and be put out.
      if (!destroyed && !isResting && !socket.active) socket.connect();
    } catch {
      if (socket === null) opening = null;
      retryLater();
    }
  }

  function retryLater(): void {
    if (connection.get().state === 'live') connection.set({ state: 'reconnecting' });
    if (!destroyed) retry.later(() => void connect());
  }

  function rest(): void {
    isResting = true;
    retry.reset();
    socket?.disconnect();
  }

  function refuse(detail: string): void {
    rest();
    connection.set({ state: 'refused', detail });
  }

  return {
    connection,
    connect() {
      isResting = false;
      retry.reset();
      void connect();
    },
    rest,
    refuse,
    destroy() {
      destroyed = true;
      retry.reset();
      socket?.off();
      socket?.disconnect();
    },
  };
}
