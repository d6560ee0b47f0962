/** Finds a TCP port on 127.0.0.1 that a test's server may use, also again after a restart. */
import { once } from 'node:events';
import { createServer } from 'node:net';

/** Below Linux's ephemeral range (32768 up), so that no outgoing connection can sit on the port while its server restarts. */
const FIRST_PORT = 12_000;
const LAST_PORT = 31_999;
const MAX_TRIES = 50;

export async function freePort(): Promise<number> {
  for (let tries = 0; tries < MAX_TRIES; tries += 1) {
    const port = FIRST_PORT + Math.floor(Math.random() * (LAST_PORT - FIRST_PORT + 1));
    if (await canListen(port)) return port;
  }
  throw new Error(`No free port found between ${FIRST_PORT} and ${LAST_PORT} in ${MAX_TRIES} tries.`);
}

async function canListen(port: number): Promise<boolean> {
  const server = createServer();
  try {
    server.listen(port, '127.0.0.1');
    await once(server, 'listening');
    return true;
  } catch {
    return false;
  } finally {
    server.close();
  }
}
