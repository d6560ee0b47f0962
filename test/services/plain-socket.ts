/** A plain WebSocket client that keeps every event in order, and how it was refused or closed. */
import { WebSocket } from 'ws';
import { expectDocumentedEvent } from './documented-events.ts';
import { eventually } from './eventually.ts';

// biome-ignore lint/suspicious/noExplicitAny: tests look into payloads freely
export type PlainEvent = { type: string; [field: string]: any };
export type PlainRefusal = { status: number; code: string; headers: Record<string, unknown> };

export type PlainSocket = {
  socket: WebSocket;
  events: PlainEvent[];
  /** The first event of that type, past or to come. */
  waitFor(type: string): Promise<PlainEvent>;
  /** The close code. */
  closed: Promise<number>;
  /** The HTTP answer to a handshake that was refused. */
  refused: Promise<PlainRefusal>;
  close(): void;
};

export type PlainOptions = {
  headers?: Record<string, string>;
  protocols?: string[];
  /** False: a client that is silent. */
  autoPong?: boolean;
};

export function plainSocket(
  url: string,
  { headers = {}, protocols = [], autoPong = true }: PlainOptions = {},
): PlainSocket {
  const socket = new WebSocket(url.replace(/^http/, 'ws'), protocols, { headers, autoPong });
  const events: PlainEvent[] = [];
  socket.on('message', (data) => {
    const event = JSON.parse(String(data));
    events.push(event);
    expectDocumentedEvent(event);
  });
  socket.on('error', () => {});
  const closed = new Promise<number>((resolve) => socket.on('close', resolve));
  const refused = new Promise<PlainRefusal>((resolve, reject) => {
    socket.on('open', () => reject(new Error('it was let in')));
    socket.on('unexpected-response', (_request, response) => {
      let body = '';
      response.on('data', (chunk) => {
        body += chunk;
      });
      response.on('end', () => {
        const isProblem = response.headers['content-type'] === 'application/problem+json';
        const code = isProblem ? JSON.parse(body).code : '';
        resolve({ status: response.statusCode ?? 0, code, headers: response.headers });
        socket.terminate();
      });
    });
  });
  refused.catch(() => {});
  return {
    socket,
    events,
    waitFor: (type) => eventually(`the event ${type}`, async () => events.find((event) => event.type === type)),
    closed,
    refused,
    close: () => socket.close(),
  };
}
