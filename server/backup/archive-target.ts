/** A backup as one tar archive, written from its first byte to its last: into a file, or to standard output. */
import { createReadStream, createWriteStream } from 'node:fs';
import { mkdtemp, open, rename, rm, stat } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import type { Readable, Writable } from 'node:stream';
import { finished, pipeline } from 'node:stream/promises';
import { pack } from 'tar-stream';
import { syncFolder } from '../storage/disk-syncs.ts';
import { type BackupHeader, HEADER, isObject, MANIFEST } from './backup-entry.ts';
import type { BackupTarget } from './backup-target.ts';
import { openEntryList } from './entry-list.ts';
import { hashed } from './hashed.ts';

/** @throws when the file is there already: a backup is never written over another */
export async function openArchiveFile(file: string, header: BackupHeader): Promise<BackupTarget> {
  const folder = path.dirname(path.resolve(file));
  // Taken first, so that two never write the same.
  await (await open(file, 'wx', 0o600)).close();
  const partial = `${file}.partial`;
  const target = await openArchive(createWriteStream(partial, { mode: 0o600, flush: true }), folder, header);
  return {
    ...target,
    async finish(manifest) {
      await target.finish(manifest);
      await rename(partial, file);
      await syncFolder(folder);
    },
    async abandon() {
      await target.abandon();
      for (const each of [partial, file]) await rm(each, { force: true });
    },
  };
}

/** To a pipe: what is needed meanwhile lies in the folder for temporary files. */
export function openArchiveStream(output: Writable, header: BackupHeader): Promise<BackupTarget> {
  return openArchive(output, tmpdir(), header);
}

async function openArchive(output: Writable, beside: string, header: BackupHeader): Promise<BackupTarget> {
  const workFolder = await mkdtemp(path.join(beside, '.chatdrop-backup-'));
  const entries = openEntryList(path.join(workFolder, 'entries.sqlite'));
  const archive = pack();
  const written = pipeline(archive, output);
  let fault: unknown;
  written.catch((error: unknown) => {
    fault = error;
  });
  const close = async () => {
    entries.close();
    await rm(workFolder, { recursive: true, force: true });
  };
  const write = async (name: string, sizeBytes: number, body: Readable) => {
    const { stream, read } = hashed();
    try {
      const entry = archive.entry({ name, size: sizeBytes, mode: 0o600 });
      await Promise.race([pipeline(body, stream, filledUp(sizeBytes), entry), written]);
    } catch (error) {
      // Why nobody takes it says more than that nobody does.
      throw fault ?? error;
    }
    return read();
  };
  const text = `${JSON.stringify(header)}\n`;
  archive.entry({ name: HEADER, mode: 0o600 }, text);
  return {
    workFolder,
    catalogue: entries,
    async add(name, sizeBytes, body) {
      const found = await write(name, sizeBytes, body);
      if (found.sizeBytes < sizeBytes) return null;
      const entry = { name, ...found };
      if (isObject(name)) entries.note(entry);
      return entry;
    },
    async finish(manifest) {
      await write(MANIFEST, (await stat(manifest)).size, createReadStream(manifest));
      archive.finalize();
      await written;
      await close();
    },
    async abandon() {
      archive.destroy();
      await finished(output).catch(() => {});
      await close();
    },
  };
}

/** An archive says how long an entry is before it comes: what came short is filled with zeros, and not listed. */
async function* fillUp(source: AsyncIterable<Buffer>, sizeBytes: number) {
  let left = sizeBytes;
  for await (const chunk of source) {
    left -= chunk.length;
    yield chunk;
  }
  for (; left > 0; left -= ZEROS.length) yield left < ZEROS.length ? ZEROS.subarray(0, left) : ZEROS;
}

function filledUp(sizeBytes: number) {
  return (source: AsyncIterable<Buffer>) => fillUp(source, sizeBytes);
}

const ZEROS = Buffer.alloc(64 * 1024);
