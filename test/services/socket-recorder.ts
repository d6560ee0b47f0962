/** A Socket.IO client that keeps every event in order and lets a test wait for one. */
import { io, type ManagerOptions, type Socket, type SocketOptions } from 'socket.io-client';
import { expectDocumentedEvent, type Heard } from './documented-events.ts';

const DEFAULT_TIMEOUT_MS = 60_000;

/** `connect`, `connect_error` and `disconnect` are recorded too, their payload being the error's or reason's text. */
// biome-ignore lint/suspicious/noExplicitAny: tests look into payloads freely
export type Recorded = { name: string; payload: any };

export type SocketRecorder = {
  socket: Socket;
  events: Recorded[];
  /** The payloads of one event so far. */
  // biome-ignore lint/suspicious/noExplicitAny: tests look into payloads freely
  payloads(name: string): any[];
  /** The first event, past or to come, for which the predicate holds. */
  waitFor(predicate: (event: Recorded) => boolean, timeoutMs?: number): Promise<Recorded>;
  /** The first of that name. */
  waitForEvent(name: string, timeoutMs?: number): Promise<Recorded>;
  close(): void;
};

export type RecorderOptions = {
  baseUrl: string;
  auth?: Record<string, unknown>;
  transports?: Array<'websocket' | 'polling'>;
  extraHeaders?: Record<string, string>;
  reconnection?: boolean;
};

type Waiting = { predicate: (event: Recorded) => boolean; resolve: (event: Recorded) => void };

/** Starts to connect; `waitForEvent('connection_established')` says when it is in. */
export function recordSocket(options: RecorderOptions): SocketRecorder {
  const { baseUrl, auth = {}, transports = ['websocket'], extraHeaders, reconnection = false } = options;
  const settings: Partial<ManagerOptions & SocketOptions> = { auth, transports, reconnection, forceNew: true };
  if (extraHeaders !== undefined) settings.extraHeaders = extraHeaders;
  const socket = io(baseUrl, settings);
  const events: Recorded[] = [];
  const waiting = new Set<Waiting>();
  const record = (event: Recorded) => {
    events.push(event);
    for (const entry of waiting) {
      if (!entry.predicate(event)) continue;
      waiting.delete(entry);
      entry.resolve(event);
    }
  };
  socket.on('connect', () => record({ name: 'connect', payload: socket.id }));
  socket.on('connect_error', (error) => record({ name: 'connect_error', payload: error.message }));
  socket.on('disconnect', (reason) => record({ name: 'disconnect', payload: reason }));
  socket.onAny((name: string, payload: Heard) => {
    record({ name, payload });
    expectDocumentedEvent(payload);
  });

  const waitFor: SocketRecorder['waitFor'] = async (predicate, timeoutMs = DEFAULT_TIMEOUT_MS) => {
    const past = events.find(predicate);
    if (past !== undefined) return past;
    return await new Promise((resolve, reject) => {
      const entry: Waiting = {
        predicate,
        resolve: (event) => {
          clearTimeout(timer);
          resolve(event);
        },
      };
      const timer = setTimeout(() => {
        waiting.delete(entry);
        reject(new Error(`No such event within ${timeoutMs} ms. Seen: ${JSON.stringify(events)}`));
      }, timeoutMs);
      waiting.add(entry);
    });
  };
  return {
    socket,
    events,
    payloads: (name) => events.filter((event) => event.name === name).map((event) => event.payload),
    waitFor,
    waitForEvent: (name, timeoutMs) => waitFor((event) => event.name === name, timeoutMs),
    close: () => void socket.disconnect(),
  };
}
