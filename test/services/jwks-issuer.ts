/** An issuer's JWKS address on loopback: what it answers, and whether at all, is the test's to say. */
import { once } from 'node:events';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { jwkOf, type KeyPair } from './key-pairs.ts';

export type JwksIssuer = {
  url: string;
  /** How often it was asked. */
  requests(): number;
  /** From now on these keys. */
  publish(...pairs: KeyPair[]): void;
  /** From now on this, whatever it is. */
  answer(handler: (request: IncomingMessage, response: ServerResponse) => void): void;
  /** Nobody listens any more; `listen` comes back on the same port. */
  down(): Promise<void>;
  listen(): Promise<void>;
};

export async function startJwksIssuer(...pairs: KeyPair[]): Promise<JwksIssuer> {
  let requests = 0;
  let handler = answerJson({ keys: pairs.map((pair) => jwkOf(pair)) });
  const server = createServer((request, response) => {
    requests += 1;
    handler(request, response);
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  return {
    url: `http://127.0.0.1:${port}/jwks.json`,
    requests: () => requests,
    publish: (...next) => {
      handler = answerJson({ keys: next.map((pair) => jwkOf(pair)) });
    },
    answer: (next) => {
      handler = next;
    },
    async down() {
      if (!server.listening) return;
      server.close();
      server.closeAllConnections();
      await once(server, 'close');
    },
    async listen() {
      server.listen(port, '127.0.0.1');
      await once(server, 'listening');
    },
  };
}

export function answerJson(value: unknown) {
  return (_request: IncomingMessage, response: ServerResponse): void => {
    response.setHeader('Content-Type', 'application/jwk-set+json').end(JSON.stringify(value));
  };
}
