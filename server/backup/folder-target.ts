/**
 * Backups in a folder: `objects/` is shared by all of them, since a file never changes; each has a folder below `snapshots/`
 * with its database, what was arriving, and its manifest. So a second backup copies what is new.
 */
import { createReadStream, createWriteStream } from 'node:fs';
import { mkdir, open, readdir, rename, rm, stat, unlink } from 'node:fs/promises';
import path from 'node:path';
import { pipeline } from 'node:stream/promises';
import { syncFolder } from '../storage/disk-syncs.ts';
import { type BackupHeader, FORMAT, HEADER, isObject, MANIFEST } from './backup-entry.ts';
import type { BackupTarget } from './backup-target.ts';
import { openEntryList, readManifest } from './entry-list.ts';
import { hashed } from './hashed.ts';

const CATALOGUE = 'objects.sqlite';
const PARTIAL = '.partial-';

/** @throws when there is something in the folder that is no backup */
export async function openBackupFolder(folder: string, header: BackupHeader): Promise<BackupTarget> {
  await mkdir(path.join(folder, 'snapshots'), { recursive: true, mode: 0o700 });
  await expectOurs(folder, header);
  const snapshots = path.join(folder, 'snapshots');
  // Of one that was killed: its objects are in the catalogue, and are not copied again.
  for (const name of await readdir(snapshots))
    if (name.startsWith(PARTIAL)) await rm(path.join(snapshots, name), { recursive: true, force: true });
  const name = header.created_at.replaceAll(':', '-');
  const workFolder = path.join(snapshots, `${PARTIAL}${name}`);
  await mkdir(workFolder, { mode: 0o700 });
  const entries = openEntryList(path.join(folder, CATALOGUE));
  const folders = new Set<string>();
  return {
    workFolder,
    catalogue: entries,
    async add(name, sizeBytes, body) {
      const isShared = isObject(name);
      const file = path.join(isShared ? folder : workFolder, name);
      const parent = path.dirname(file);
      await mkdir(parent, { recursive: true, mode: 0o700 });
      const { stream, read } = hashed();
      const partial = `${file}.partial`;
      await pipeline(body, stream, createWriteStream(partial, { mode: 0o600, flush: true })).catch(async (error) => {
        // On a full disk others need the room.
        await rm(partial, { force: true });
        throw error;
      });
      const found = read();
      if (found.sizeBytes < sizeBytes) {
        await unlink(partial);
        return null;
      }
      await rename(partial, file);
      folders.add(parent);
      const entry = { name, ...found };
      if (isShared) entries.note(entry);
      return entry;
    },
    async finish(manifest) {
      await rename(manifest, path.join(workFolder, MANIFEST));
      for (const each of folders) await syncFolder(each);
      await syncFolder(workFolder);
      await rename(workFolder, path.join(snapshots, name));
      await syncFolder(snapshots);
      entries.close();
    },
    async abandon() {
      entries.close();
      await rm(workFolder, { recursive: true, force: true });
    },
  };
}

/** The names of the backups in a folder, oldest first. */
export async function snapshotsIn(folder: string): Promise<string[]> {
  const names = await readdir(path.join(folder, 'snapshots'));
  return names.filter((name) => !name.startsWith(PARTIAL)).sort();
}

/**
 * Deletes all backups but the newest, and the objects that only those had.
 * @returns how many backups and objects went
 */
export async function keepNewest(folder: string, kept: number): Promise<{ backups: number; objects: number }> {
  const snapshots = path.join(folder, 'snapshots');
  const names = await snapshotsIn(folder);
  const old = names.slice(0, Math.max(0, names.length - kept));
  if (old.length === 0) return { backups: 0, objects: 0 };
  for (const name of old) await rm(path.join(snapshots, name), { recursive: true, force: true });
  await syncFolder(snapshots);
  const needed = openEntryList(path.join(folder, NEEDED));
  const catalogue = openEntryList(path.join(folder, CATALOGUE));
  try {
    for (const name of await snapshotsIn(folder))
      for await (const entry of readManifest(path.join(snapshots, name, MANIFEST))) needed.note(entry);
    let objects = 0;
    for (const { name } of catalogue.all()) {
      if (needed.find(name) !== null) continue;
      await rm(path.join(folder, name), { force: true });
      catalogue.forget(name);
      objects += 1;
    }
    return { backups: old.length, objects };
  } finally {
    needed.close();
    catalogue.close();
    for (const end of ['', '-wal', '-shm']) await rm(path.join(folder, NEEDED + end), { force: true });
  }
}

const NEEDED = '.needed.sqlite';

async function expectOurs(folder: string, header: BackupHeader): Promise<void> {
  const file = path.join(folder, HEADER);
  const found = await readHeader(file);
  if (found === FORMAT) return;
  const others = (await readdir(folder)).filter((name) => name !== 'snapshots');
  if (found !== null || others.length > 0)
    throw new Error(
      `${folder} holds something that is no backup of Chatdrop. Name an empty folder, or one that it made.`,
    );
  const handle = await open(file, 'wx', 0o600);
  await handle.writeFile(`${JSON.stringify(header)}\n`);
  await handle.sync().finally(() => handle.close());
  await syncFolder(folder);
}

/** @returns its format; null where there is none */
async function readHeader(file: string): Promise<string | null> {
  if ((await stat(file).catch(() => null)) === null) return null;
  let text = '';
  for await (const chunk of createReadStream(file, { encoding: 'utf8', end: MAX_HEADER_BYTES })) text += chunk;
  try {
    return String(JSON.parse(text).format);
  } catch {
    return '';
  }
}

const MAX_HEADER_BYTES = 4096;
