/** A reverse proxy in which a test answers, swallows or mutes chosen requests, and which serves pages of the test. */
import { once } from 'node:events';
import { createServer, type IncomingMessage, request, type ServerResponse } from 'node:http';
import { type AddressInfo, connect, type Socket } from 'node:net';

/** `swallow`: never passed on, never answered. `mute`: passed on, its answer is lost. Undefined: passed on as ever. */
export type FrontRule = (
  request: FrontRequest,
) => undefined | 'swallow' | 'mute' | { status: number; headers?: Record<string, string>; body?: string };

export type FrontRequest = {
  method: string;
  path: string;
  headers: IncomingMessage['headers'];
  /** Null until it was answered. */
  status: number | null;
};

export type HttpFront = {
  port: number;
  /** Everything that came in so far, in order; WebSockets as GET. */
  requests: FrontRequest[];
  /** How many came with this method under this path. */
  count(method: string, path: string): number;
  /** Asked for each request from now on; null passes everything on. */
  setRule(rule: FrontRule | null): void;
  /** Ends all open WebSockets and, while true, lets none in. */
  refuseSockets(refuse: boolean): void;
  stop(): Promise<void>;
};

export async function startHttpFront(options: {
  targetPort: number;
  /** path → content type and body */
  pages?: Record<string, [type: string, body: string | Uint8Array]>;
}): Promise<HttpFront> {
  const { targetPort, pages = {} } = options;
  const requests: FrontRequest[] = [];
  const sockets = new Set<Socket>();
  let rule: FrontRule | null = null;
  let socketsRefused = false;

  const server = createServer((incoming, outgoing) => {
    const seen = note(incoming);
    outgoing.on('finish', () => {
      seen.status = outgoing.statusCode;
    });
    const page = pages[seen.path.replace(/\?.*/, '')];
    if (page) return void outgoing.writeHead(200, { 'Content-Type': page[0] }).end(page[1]);
    const action = rule?.(seen);
    if (action === 'swallow') return void incoming.resume();
    if (typeof action === 'object') return answerAfterBody(incoming, outgoing, action);
    passOn(incoming, outgoing, targetPort, action === 'mute');
  });
  server.on('upgrade', (incoming: IncomingMessage, client: Socket, head: Buffer) => {
    note(incoming);
    client.on('error', () => undefined);
    if (socketsRefused) return void client.destroy();
    const target = connect(targetPort, '127.0.0.1', () => {
      const lines = [`${incoming.method} ${incoming.url} HTTP/1.1`];
      for (let at = 0; at < incoming.rawHeaders.length; at += 2)
        lines.push(`${incoming.rawHeaders[at]}: ${incoming.rawHeaders[at + 1]}`);
      target.write(`${lines.join('\r\n')}\r\n\r\n`);
      target.write(head);
      target.pipe(client).pipe(target);
    });
    target.on('error', () => client.destroy());
    client.on('close', () => target.destroy());
    target.on('close', () => client.destroy());
    sockets.add(client);
    client.on('close', () => sockets.delete(client));
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');

  function note({ method = '', url = '', headers }: IncomingMessage): FrontRequest {
    const seen: FrontRequest = { method, path: url, headers, status: null };
    requests.push(seen);
    return seen;
  }

  return {
    port: (server.address() as AddressInfo).port,
    requests,
    count: (method, path) => requests.filter((seen) => seen.method === method && seen.path.startsWith(path)).length,
    setRule(next) {
      rule = next;
    },
    refuseSockets(refuse) {
      socketsRefused = refuse;
      if (refuse) for (const socket of sockets) socket.destroy();
    },
    async stop() {
      const closed = new Promise((resolve) => server.close(resolve));
      for (const socket of sockets) socket.destroy();
      server.closeAllConnections();
      await closed;
    },
  };
}

function passOn(incoming: IncomingMessage, outgoing: ServerResponse, port: number, isMute: boolean): void {
  const { method, url: path, headers } = incoming;
  const onward = request({ host: '127.0.0.1', port, method, path, headers, agent: false }, (answer) => {
    if (isMute) return void answer.resume();
    outgoing.writeHead(answer.statusCode ?? 502, answer.headers);
    answer.pipe(outgoing);
    answer.on('error', () => outgoing.destroy());
  });
  // A server that is away looks like a lost connection.
  onward.on('error', () => outgoing.destroy());
  incoming.on('error', () => onward.destroy());
  outgoing.on('close', () => {
    if (!outgoing.writableEnded) onward.destroy();
  });
  incoming.pipe(onward);
}

/** A browser that is still sending may not see an answer that comes sooner. */
function answerAfterBody(
  incoming: IncomingMessage,
  outgoing: ServerResponse,
  { status, headers, body }: { status: number; headers?: Record<string, string>; body?: string },
): void {
  incoming.resume().on('end', () => outgoing.writeHead(status, headers).end(body));
}
