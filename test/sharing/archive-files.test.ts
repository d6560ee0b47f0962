/** Archives: what is in them, what is left out, and that nothing is held or goes on longer than it has to. */
import { once } from 'node:events';
import { Readable } from 'node:stream';
import { buffer } from 'node:stream/consumers';
import { expect, test } from 'vitest';
import type { FileRecord } from '../../server/database/chat-file-table.ts';
import { Failure } from '../../server/rules/failure.ts';
import { createArchiveFiles } from '../../server/sharing/archive-files.ts';
import { readZip } from '../services/read-zip.ts';

const REQUEST = { company: 'company', session: 'session', uploader: null };

test('a file that is removed, or whose bytes are gone, is left out and named', async () => {
  const files = ['a.txt', 'b.txt', 'c.txt', 'd.txt'].map((name, at) => fileOf(at + 1, { name }));
  const make = archiveOf(files, {
    find: async (id) => (id === 2 ? null : files[id - 1]),
    open: async (key) => (key === '3' ? null : objectOf(Buffer.from(key))),
  });
  const entries = await readZip(await buffer(make({ ...REQUEST, kind: 'manifest' })));
  expect(entries.map(({ name }) => name)).toEqual(['a.txt', 'd.txt', 'manifest.json']);
  const manifest = JSON.parse(String(entries.at(-1)?.body));
  expect(manifest.files.map(({ id, path }: { id: number; path: string }) => [id, path])).toEqual([
    [1, 'a.txt'],
    [4, 'd.txt'],
  ]);
  expect(manifest.left_out).toEqual([
    { id: 2, name: 'b.txt', reason: 'removed' },
    { id: 3, name: 'c.txt', reason: 'its bytes are not there' },
  ]);
  const plain = await readZip(await buffer(make({ ...REQUEST, kind: 'files' })));
  expect(plain.map(({ name }) => name)).toEqual(['a.txt', 'd.txt', 'left-out.txt']);
  expect(String(plain.at(-1)?.body)).toBe('b.txt: removed\nc.txt: its bytes are not there\n');
});

test('text is compressed, pictures are not; names are UTF-8, times are those of the files', async () => {
  const text = Buffer.from('again and again '.repeat(1000));
  const files = [
    fileOf(1, { name: 'à la carte 日本.txt', mimeType: 'text/plain', sizeBytes: text.length }),
    fileOf(2, { name: 'à la carte 日本.txt', mimeType: 'image/png', sizeBytes: text.length }),
    fileOf(3, { name: 'empty.txt', mimeType: 'text/plain', sizeBytes: 0 }),
  ];
  const make = archiveOf(files, { open: async (key) => objectOf(key === '3' ? Buffer.alloc(0) : text) });
  const bytes = await buffer(make({ ...REQUEST, kind: 'files' }));
  const entries = await readZip(bytes);
  expect(entries.map(({ name, isStored, body }) => [name, isStored, body.length])).toEqual([
    ['à la carte 日本.txt', false, text.length],
    ['à la carte 日本 (2).txt', true, text.length],
    ['empty.txt', true, 0],
  ]);
  // Where a name is ASCII it makes no difference.
  expect(entries.map(({ hasUtf8Name }) => hasUtf8Name)).toEqual([true, true, false]);
  expect(entries[0]?.modifiedAt).toEqual(new Date(1_700_000_000_000));
  expect(bytes.length).toBeLessThan(text.length * 1.2);
});

test('a store that is away in the middle ends the archive with a fault, and not as if it were whole', async () => {
  const files = [fileOf(1), fileOf(2)];
  const make = archiveOf(files, {
    open: async (key) => {
      if (key === '2') throw new Failure('storage-unavailable');
      return objectOf(Buffer.from('first'));
    },
  });
  await expect(buffer(make({ ...REQUEST, kind: 'files' }))).rejects.toThrow(Failure);
  const cut = archiveOf(files, {
    open: async () => ({
      ...objectOf(Buffer.alloc(1000)),
      stream: () =>
        Readable.from(
          (async function* () {
            yield Buffer.alloc(10);
            throw new Failure('storage-unavailable');
          })(),
        ),
    }),
  });
  await expect(buffer(cut({ ...REQUEST, kind: 'files' }))).rejects.toThrow(Failure);
  const short = archiveOf(files, { open: async () => ({ ...objectOf(Buffer.alloc(10)), sizeBytes: 1000 }) });
  await expect(buffer(short({ ...REQUEST, kind: 'files' }))).rejects.toThrow('10 bytes came instead of 1000');
});

test('a client that leaves stops it: no other file is opened, and the open one is closed; a slow one holds little', async () => {
  let produced = 0;
  const opened: string[] = [];
  const streams: Readable[] = [];
  const files = [fileOf(1, { sizeBytes: 1e9, mimeType: 'image/png' }), fileOf(2)];
  const make = archiveOf(files, {
    open: async (key) => {
      opened.push(key);
      return {
        ...objectOf(Buffer.alloc(0)),
        sizeBytes: 1e9,
        stream() {
          const stream = new Readable({
            read() {
              produced += 65_536;
              this.push(Buffer.alloc(65_536));
            },
          });
          streams.push(stream);
          return stream;
        },
      };
    },
  });
  const archive = make({ ...REQUEST, kind: 'files' });
  await once(archive, 'readable');
  archive.read(100);
  await new Promise((resolve) => setTimeout(resolve, 50));
  expect(produced).toBeLessThan(2_000_000);
  archive.destroy();
  await once(streams[0] as Readable, 'close');
  expect([opened, streams[0]?.destroyed]).toEqual([['1'], true]);
});

test('what is shared after the beginning is not in it', async () => {
  const files = Array.from({ length: 205 }, (_, at) => fileOf(at + 1));
  const make = archiveOf(files, { open: async (key) => objectOf(Buffer.from(key)), lastId: async () => 203 });
  const entries = await readZip(await buffer(make({ ...REQUEST, kind: 'files' })));
  expect([entries.length, entries.at(-1)?.name, String(entries.at(-1)?.body)]).toEqual([203, '203.txt', '203']);
});

function fileOf(id: number, over: Partial<FileRecord> = {}): FileRecord {
  const place = { company: 'company', session: 'session', uploader: 'user' as const, storageKey: String(id) };
  const facts = {
    name: `${id}.txt`,
    mimeType: 'text/plain',
    sizeBytes: 1,
    scan: 'not_scanned' as const,
    sha256: null,
    linkEpoch: 0,
  };
  const picture = { thumbnailKey: null, width: null, height: null, placeholder: null };
  return { id, uploadId: `u${id}`, ...place, ...facts, ...picture, seq: id, createdAt: 1_700_000_000_000, ...over };
}

function objectOf(body: Buffer) {
  return {
    sizeBytes: body.length,
    read: async () => body,
    stream: (first: number, last: number) => Readable.from([body.subarray(first, last + 1)]),
    close: async () => {},
  };
}

type Fakes = {
  open(key: string): Promise<ReturnType<typeof objectOf> | null>;
  find?(id: number): Promise<FileRecord | null | undefined>;
  lastId?(): Promise<number>;
};

function archiveOf(files: FileRecord[], { open, find, lastId }: Fakes) {
  return createArchiveFiles({
    files: {
      async list(_company, _session, _filter, { beyondId }, maxFiles) {
        const start = beyondId ?? 0;
        return files.slice(start, start + maxFiles);
      },
      find: async (id) => (find === undefined ? (files[id - 1] ?? null) : ((await find(id)) ?? null)),
      lastId: lastId ?? (async () => files.length),
    },
    uploads: { listUnfinished: async () => [] },
    storage: { open },
    now: () => 1_700_000_000_000,
  });
}
