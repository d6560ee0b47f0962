/** What an integrator runs: an HTTP server that takes webhooks, verifies them with the library of Standard Webhooks, and fails when told to. */
import { createServer, type IncomingHttpHeaders, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo, Socket } from 'node:net';
import { Webhook } from 'standardwebhooks';
import { eventually } from './eventually.ts';

// biome-ignore lint/suspicious/noExplicitAny: tests look into messages freely
export type Message = { type: string; timestamp: string; data: any };
/** `path`: without its query. */
export type Received = { id: string; path: string; headers: IncomingHttpHeaders; body: string };

/** What it answers; `count`: how many have come on this path, this one included. */
export type Answerer = (response: ServerResponse, socket: Socket, count: number) => void;

export type WebhookReceiver = {
  port: number;
  url(path: string): string;
  /** On a path; 200 where nothing is said. */
  answer(path: string, answerer: Answerer): void;
  received(path: string): Received[];
  /** Once there are so many. */
  waitFor(path: string, count: number): Promise<Received[]>;
  close(): Promise<void>;
};

export async function startWebhookReceiver(): Promise<WebhookReceiver> {
  const all: Received[] = [];
  const answerers = new Map<string, Answerer>();
  const sockets = new Set<Socket>();
  const server: Server = createServer(async (request, response) => {
    const chunks: Buffer[] = [];
    for await (const chunk of request) chunks.push(chunk);
    const [path = ''] = (request.url ?? '').split('?');
    const body = Buffer.concat(chunks).toString();
    all.push({ id: String(request.headers['webhook-id']), path, headers: request.headers, body });
    const count = all.filter((one) => one.path === path).length;
    const answerer = answerers.get(path);
    if (answerer === undefined) response.end('thanks');
    else answerer(response, request.socket, count);
  });
  server.on('connection', (socket) => {
    sockets.add(socket);
    socket.on('error', () => {}).once('close', () => sockets.delete(socket));
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as AddressInfo;
  const received = (path: string) => all.filter((one) => one.path === path);
  return {
    port,
    url: (path) => `http://127.0.0.1:${port}${path}`,
    answer: (path, answerer) => void answerers.set(path, answerer),
    received,
    waitFor: (path, count) =>
      eventually(`${count} messages at ${path}`, () => received(path).length >= count && received(path)),
    async close() {
      for (const socket of sockets) socket.destroy();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}

/** @throws where the signature is not good for this secret, or the time is not near */
export function verified({ body, headers }: Received, secret: string): Message {
  return new Webhook(secret).verify(body, headers as Record<string, string>) as Message;
}
