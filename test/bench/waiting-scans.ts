/**
 * Files that wait for the virus scanner: `npm run build`, then `node test/bench/waiting-scans.ts [files]`, 1,000 by default. clamd is away
 * while they come; it comes back, and each has to be shared once, by a few scans at a time. Says what that costs.
 */
import { readFileSync } from 'node:fs';
import { connect, createServer } from 'node:net';
import { listFiles } from '../services/chat-api.ts';
import { newChatRoom } from '../services/chat-room.ts';
import { startChatdrop } from '../services/chatdrop-process.ts';
import { startClamd } from '../services/clamd.ts';
import { eventually } from '../services/eventually.ts';
import { pngFile } from '../services/fixtures.ts';
import { freePort } from '../services/free-port.ts';
import { residentMebibytes } from '../services/resident-memory.ts';
import { recordSocket } from '../services/socket-recorder.ts';
import { create, patch } from '../services/tus-wire.ts';
import { eachAtOnce } from './each-at-once.ts';
import { printTable } from './print-table.ts';

const FILES = Number(process.argv[2] ?? 1000);
/** Less than a user may have unfinished. */
const OF_A_ROOM = 100;
const AT_ONCE = 20;

const clamd = await startClamd();
// In between, so that conversations can be counted.
const port = await freePort();
let [open, mostOpen] = [0, 0];
const between = createServer((client) => {
  const target = connect(clamd.port, '127.0.0.1');
  open += 1;
  mostOpen = Math.max(mostOpen, open);
  client.once('close', () => {
    open -= 1;
    target.destroy();
  });
  target.on('error', () => client.destroy()).on('close', () => client.destroy());
  client.on('error', () => target.destroy());
  client.pipe(target).pipe(client);
}).listen(port, '127.0.0.1');
const server = await startChatdrop({ env: { CLAMAV_URL: `tcp://127.0.0.1:${port}`, LOG_LEVEL: 'error' } });
try {
  const { baseUrl, pid } = server;
  const rooms = Array.from({ length: Math.ceil(FILES / OF_A_ROOM) }, () => newChatRoom());
  const listeners = rooms.map(({ agent: token, session: session_id }) =>
    recordSocket({ baseUrl, auth: { token, session_id } }),
  );
  for (const listener of listeners) await listener.waitForEvent('connection_established');
  await clamd.stop();
  const before = residentMebibytes(pid);
  const cameAt = performance.now();
  const statuses = new Set<number>();
  for (let at = 0; at < FILES; at += AT_ONCE)
    await eachAtOnce(Math.min(AT_ONCE, FILES - at), async (n) => {
      const { visitor: token } = rooms[Math.floor((at + n) / OF_A_ROOM)] as (typeof rooms)[number];
      const body = pngFile({ bytes: 300 + n, seed: at + n + 1 });
      const { url } = await create({ baseUrl, token, length: body.length, metadata: { filename: `${at + n}.png` } });
      statuses.add((await patch({ url, token, offset: 0, body })).status);
    });
  const cameMs = performance.now() - cameAt;
  const waiting = residentMebibytes(pid);
  const idle = cpuSeconds(pid);
  await new Promise((resolve) => setTimeout(resolve, 10_000));
  const idleCpu = (cpuSeconds(pid) - idle) / 10;

  [mostOpen, open] = [0, 0];
  const backAt = performance.now();
  await clamd.start();
  const count = async () => {
    let sum = 0;
    for (const room of rooms) sum += (await listFiles(baseUrl, room, '&limit=1')).count;
    return sum;
  };
  await eventually('all are shared', async () => (await count()) === FILES, 300_000);
  const sharedMs = performance.now() - backAt;
  await eventually('all have heard of it', () => heard(listeners).length >= FILES, 60_000);
  const names = heard(listeners);
  printTable('Files that wait for the scanner', [
    {
      files: String(FILES),
      'come in ms': cameMs.toFixed(0),
      answers: [...statuses].join(),
      'MiB before, waiting, after': [before, waiting, residentMebibytes(pid)]
        .map((value) => value.toFixed(0))
        .join(', '),
      'CPU while waiting': `${(100 * idleCpu).toFixed(0)} %`,
      'all shared in ms': sharedMs.toFixed(0),
      'conversations at once': String(mostOpen),
      'events, names': `${names.length}, ${new Set(names).size}`,
    },
  ]);
  for (const listener of listeners) listener.close();
} finally {
  await server.stop();
  between.close();
  await clamd.close();
}

function heard(listeners: ReturnType<typeof recordSocket>[]): unknown[] {
  return listeners.flatMap((listener) => listener.payloads('file_shared').map(({ name }) => name));
}

/** Of a process, since its start. */
function cpuSeconds(pid: number): number {
  const fields = readFileSync(`/proc/${pid}/stat`, 'utf8').split(') ')[1]?.split(' ') ?? [];
  return (Number(fields[11]) + Number(fields[12])) / 100;
}
