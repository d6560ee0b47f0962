/** Archives beyond what a zip without ZIP64 can hold, read back by another library: `node test/bench/large-archive.ts`. Takes minutes and 5 GB. */
import { createWriteStream } from 'node:fs';
import { mkdtemp, rm, stat } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { openPromise } from 'yauzl';
import type { FileRecord } from '../../server/database/chat-file-table.ts';
import { createArchiveFiles } from '../../server/sharing/archive-files.ts';
import { printTable } from './print-table.ts';

const GIBIBYTE = 1024 ** 3;
const CHUNK = Buffer.alloc(1024 * 1024, 7);
const CASES = [
  { what: '66,000 files', files: 66_000, fileBytes: 1 },
  {
    what: 'two files of 2.25 GiB: the second begins below 4 GiB, the directory above',
    files: 2,
    fileBytes: 2.25 * GIBIBYTE,
  },
  { what: 'one file of 4.5 GiB and one after it', files: 2, fileBytes: 4.5 * GIBIBYTE, lastBytes: 5 },
];

const folder = await mkdtemp(join(tmpdir(), 'chatdrop-archive-'));
const rows: Record<string, string>[] = [];
for (const { what, files, fileBytes, lastBytes = fileBytes } of CASES) {
  const sizes = Array.from({ length: files }, (_, at) => (at === files - 1 ? lastBytes : fileBytes));
  const path = join(folder, 'large.zip');
  const startedAt = performance.now();
  await pipeline(archiveOf(sizes), createWriteStream(path));
  const seconds = (performance.now() - startedAt) / 1000;
  const zip = await openPromise(path);
  let found = 0;
  for await (const entry of zip.eachEntry()) {
    let bytes = 0;
    for await (const chunk of await zip.openReadStreamPromise(entry)) bytes += chunk.length;
    if (bytes !== sizes[found]) throw new Error(`${entry.fileName} has ${bytes} bytes`);
    found += 1;
  }
  if (found !== files) throw new Error(`${found} files instead of ${files}`);
  const mostMemory = `${process.resourceUsage().maxRSS >> 10} MiB`;
  rows.push({ archive: what, seconds: seconds.toFixed(1), bytes: String((await stat(path)).size), mostMemory });
  await rm(path);
}
await rm(folder, { recursive: true });
printTable('Archives with ZIP64', rows);

function archiveOf(sizes: number[]): Readable {
  const files = sizes.map((sizeBytes, at) => ({ id: at + 1, name: `${at}.png`, mimeType: 'image/png', sizeBytes }));
  return createArchiveFiles({
    files: {
      list: async (_company, _session, _filter, { beyondId }, max) =>
        files
          .slice(beyondId ?? 0, (beyondId ?? 0) + max)
          .map((file) => ({ ...file, storageKey: String(file.id) })) as FileRecord[],
      find: async (id) => files[id - 1] as FileRecord,
      lastId: async () => files.length,
    },
    uploads: { listUnfinished: async () => [] },
    storage: {
      open: async (key) => ({
        sizeBytes: sizes[Number(key) - 1] ?? 0,
        read: async () => CHUNK,
        stream: (first, last) => Readable.from(chunks(last - first + 1)),
        close: async () => {},
      }),
    },
    now: Date.now,
  })({ company: 'company', session: 'session', uploader: null, kind: 'files' });
}

function* chunks(bytes: number): Generator<Buffer> {
  for (let left = bytes; left > 0; left -= CHUNK.length) yield CHUNK.subarray(0, Math.min(left, CHUNK.length));
}
