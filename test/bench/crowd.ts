/** Many at once: `node test/bench/crowd.ts [works …]`, of f, i, k and l; each prints its figures. Memory is the system's count (Linux). */
import { eventLatency } from './speed/event-latency-work.ts';
import type { Figure } from './speed/figure.ts';
import { idleSockets } from './speed/idle-sockets-work.ts';
import { openUploads } from './speed/open-uploads-work.ts';
import { buildServers } from './speed/servers.ts';

const SECONDS = 20;
const SOCKETS = 10_000;
const UPLOADS = 1000;

/** Each starts its own servers, after `buildServers`. */
const WORKS: Record<string, (() => Promise<Figure[]>)[]> = {
  f: [() => openUploads('plain', UPLOADS), () => openUploads('chatdrop', UPLOADS)],
  i: [() => eventLatency('chatdrop without fsync', SECONDS), () => eventLatency('chatdrop', SECONDS)],
  k: [() => idleSockets('Socket.IO', SOCKETS), () => idleSockets('plain WebSocket', SOCKETS)],
  l: [() => openUploads('chatdrop', UPLOADS)],
};

const names = process.argv.slice(2);
await buildServers();
for (const name of names.length > 0 ? names : Object.keys(WORKS)) {
  const runs = WORKS[name];
  if (runs === undefined) throw new Error(`there is no work ${name}`);
  for (const run of runs) {
    for (const { server, what, value, unit } of await run())
      process.stdout.write(`${name}  ${server}  ${what}: ${value.toFixed(1)} ${unit}\n`);
  }
}
