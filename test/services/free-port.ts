/** Finds a TCP port on 127.0.0.1 that a test's server may use, also again after a restart. */
import { once } from 'node:events';
import { createServer } from 'node:net';

/** Below Linux's ephemeral range (32768 up), so that no outgoing connection can sit on the port while its server restarts. */
const FIRST_PORT = 12_000;
/** Each of vitest's processes has its own, so that nobody else takes the port of a server that restarts. */
const SHARES = 8;
const PORTS_A_SHARE = 2500;
const MAX_TRIES = 50;
const given = new Set<number>();

/** Never the same one twice. */
export async function freePort(): Promise<number> {
  const first = FIRST_PORT + (Number(process.env.VITEST_POOL_ID ?? 0) % SHARES) * PORTS_A_SHARE;
  for (let tries = 0; tries < MAX_TRIES; tries += 1) {
    const port = first + Math.floor(Math.random() * PORTS_A_SHARE);
    if (given.has(port) || !(await canListen(port))) continue;
    given.add(port);
    return port;
  }
  throw new Error(`No free port found from ${first} on, in ${MAX_TRIES} tries.`);
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
