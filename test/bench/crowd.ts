/**
 * Many at once: `node test/bench/crowd.ts [works …] [--rows 5000000] [--kept FOLDER]`, of f, i, j, k and l; each prints its
 * figures. Memory is the system's count (Linux). `--kept`: where the filled SQLite files of j stay, for the next run.
 */
import { parseArgs } from 'node:util';
import { eventLatency } from './speed/event-latency-work.ts';
import type { Figure } from './speed/figure.ts';
import { idleSockets } from './speed/idle-sockets-work.ts';
import { listsOfPostgres, listsOfSqlite } from './speed/list-work.ts';
import { openUploads } from './speed/open-uploads-work.ts';
import { buildServers } from './speed/servers.ts';

const SECONDS = 20;
const SOCKETS = 10_000;
const UPLOADS = 1000;
const FEW_ROWS = 10_000;

const { positionals, values } = parseArgs({
  allowPositionals: true,
  options: { rows: { type: 'string', default: '5000000' }, kept: { type: 'string' } },
});
const tables = [FEW_ROWS, Number(values.rows)];

/** Each starts its own servers, after `buildServers`. */
const WORKS: Record<string, (() => Promise<Figure[]>)[]> = {
  f: [() => openUploads('plain', UPLOADS), () => openUploads('chatdrop', UPLOADS)],
  i: [() => eventLatency('chatdrop without fsync', SECONDS), () => eventLatency('chatdrop', SECONDS)],
  j: [() => listsOfSqlite(tables, values.kept), () => listsOfPostgres(tables)],
  k: [() => idleSockets('Socket.IO', SOCKETS), () => idleSockets('plain WebSocket', SOCKETS)],
  l: [() => openUploads('chatdrop', UPLOADS)],
};

await buildServers();
for (const name of positionals.length > 0 ? positionals : Object.keys(WORKS)) {
  const runs = WORKS[name];
  if (runs === undefined) throw new Error(`there is no work ${name}`);
  for (const run of runs) {
    for (const { server, what, value, unit } of await run())
      process.stdout.write(`${name}  ${server}  ${what}: ${value.toFixed(value < 10 ? 2 : 1)} ${unit}\n`);
  }
}
