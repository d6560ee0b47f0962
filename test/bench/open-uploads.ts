/**
 * What open, slow uploads cost: `npm run build`, then `node test/bench/open-uploads.ts [counts …]`, by default 1 to 1,000. Each PATCH has brought a
 * quarter of a mebibyte and stays open, a kilobyte a second; then all end, and become files. With the settings of its own
 * environment the server stands on PostgreSQL or S3 (DATABASE_URL, USE_S3_STORAGE, AWS_…).
 */
import { request } from 'node:http';
import { startChatdrop } from '../services/chatdrop-process.ts';
import { mp4File } from '../services/fixtures.ts';
import { residentMebibytes } from '../services/resident-memory.ts';
import { visitorToken } from '../services/tokens.ts';
import { create } from '../services/tus-wire.ts';
import { eachAtOnce } from './each-at-once.ts';
import { printTable } from './print-table.ts';

const COMPANY = 'bench';
const FIRST_BYTES = 256 * 1024;
const TRICKLE_BYTES = 1024;
const TRICKLES = 5;
const FILE = mp4File(FIRST_BYTES + TRICKLES * TRICKLE_BYTES + 1000);

const passedOn = Object.fromEntries(
  Object.entries(process.env).filter(([name]) => /^(?:DATABASE_URL|REDIS_URL|USE_S3_STORAGE|AWS_)/.test(name)),
);
const counts = process.argv.slice(2).map(Number);
const rows: Record<string, string>[] = [];
for (const count of counts.length > 0 ? counts : [1, 10, 100, 1000]) {
  const server = await startChatdrop({ env: passedOn });
  try {
    const before = residentMebibytes(server.pid);
    const uploads: OpenUpload[] = [];
    await eachAtOnce(count, async (n) => {
      uploads[n] = await begin(server.baseUrl, n);
    });
    for (let n = 0; n < TRICKLES; n += 1) {
      for (const upload of uploads) upload.send(TRICKLE_BYTES);
      await new Promise((resolve) => setTimeout(resolve, 1000));
    }
    const kibibytes = ((residentMebibytes(server.pid) - before) * 1024) / count;
    const startedAt = performance.now();
    const statuses = await Promise.all(uploads.map((upload) => upload.end()));
    const finishMs = performance.now() - startedAt;
    rows.push({
      uploads: count.toLocaleString('en'),
      'KiB each': kibibytes.toFixed(0),
      'all shared in ms': finishMs.toFixed(0),
      'not 204': String(statuses.filter((status) => status !== 204).length),
    });
  } finally {
    await server.stop();
  }
}
printTable('Uploads open at once', rows);

type OpenUpload = Awaited<ReturnType<typeof begin>>;

async function begin(baseUrl: string, n: number) {
  const token = visitorToken(COMPANY, `s${n}`);
  const { url } = await create({ baseUrl, token, length: FILE.length, metadata: { filename: 'film.mp4' } });
  const call = request(url, {
    method: 'PATCH',
    headers: {
      Authorization: `Bearer ${token}`,
      'Tus-Resumable': '1.0.0',
      'Upload-Offset': '0',
      'Content-Type': 'application/offset+octet-stream',
      'Content-Length': FILE.length,
    },
  });
  const status = new Promise<number>((resolve, reject) => {
    call.on('response', (answer) => resolve(answer.resume().statusCode ?? 0)).on('error', reject);
  });
  status.catch(() => {});
  let sent = 0;
  const send = (bytes: number) => {
    call.write(FILE.subarray(sent, sent + bytes));
    sent += bytes;
  };
  send(FIRST_BYTES);
  return {
    send,
    end: () => {
      call.end(FILE.subarray(sent));
      return status;
    },
  };
}
