/** What is read back: an archive from its first byte to its last, or one backup of a folder. */
import { createReadStream } from 'node:fs';
import { open, readFile } from 'node:fs/promises';
import path from 'node:path';
import { Readable } from 'node:stream';
import { extract } from 'tar-stream';
import { FORMAT, HEADER, isObject, MANIFEST } from './backup-entry.ts';
import { readManifest } from './entry-list.ts';
import { snapshotsIn } from './folder-target.ts';

/** In this order. The manifest is the last; each body is to be read to its end before the next one is asked for. */
export type BackupSource = AsyncIterable<{ name: string; body: Readable }>;

/** @throws when it does not begin as a backup does, or is cut */
export async function* readArchive(bytes: Readable): BackupSource {
  const archive = extract();
  bytes.on('error', (error) => archive.destroy(error));
  bytes.pipe(archive);
  let isFirst = true;
  for await (const entry of archive) {
    const { name } = entry.header;
    if (isFirst !== (name === HEADER)) throw new Error(NOT_OURS);
    if (isFirst) expectFormat(await textOf(entry as AsyncIterable<Buffer>));
    else yield { name, body: Readable.from(entry as AsyncIterable<Buffer>) };
    isFirst = false;
  }
  if (isFirst) throw new Error(NOT_OURS);
}

/** @param wanted the name of a backup; the newest if not given. @throws when there is none */
export async function* readBackupFolder(folder: string, wanted?: string): BackupSource {
  expectFormat(await readFile(path.join(folder, HEADER), 'utf8').catch(() => ''));
  const names = await snapshotsIn(folder);
  const chosen = wanted ?? names.at(-1);
  if (chosen === undefined) throw new Error(`No backup in ${folder} was finished.`);
  if (!names.includes(chosen)) throw new Error(`There is no backup “${chosen}”, but there are: ${names.join(', ')}.`);
  const snapshot = path.join(folder, 'snapshots', chosen);
  for await (const { name } of readManifest(path.join(snapshot, MANIFEST))) {
    const file = await openIfThere(path.join(isObject(name) ? folder : snapshot, name));
    // What is missing is told by whoever compares.
    if (file !== null) yield { name, body: file.createReadStream() };
  }
  yield { name: MANIFEST, body: createReadStream(path.join(snapshot, MANIFEST)) };
}

const NOT_OURS = 'This is no backup of Chatdrop.';

async function openIfThere(file: string) {
  return open(file, 'r').catch((error: NodeJS.ErrnoException) => {
    if (error.code === 'ENOENT') return null;
    throw error;
  });
}

async function textOf(stream: AsyncIterable<Buffer>): Promise<string> {
  let text = '';
  for await (const chunk of stream) {
    if (text.length < MAX_HEADER_CHARACTERS) text += chunk.toString('utf8');
  }
  return text;
}

const MAX_HEADER_CHARACTERS = 4096;

function expectFormat(header: string): void {
  let format: unknown;
  try {
    format = JSON.parse(header).format;
  } catch {}
  if (format === FORMAT) return;
  throw new Error(typeof format === 'string' ? `This backup is of another kind (${format}).` : NOT_OURS);
}
