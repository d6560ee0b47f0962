/** Reads a zip with another library than the one that writes ours, and with `unzip` too where that is installed. */
import { spawnSync } from 'node:child_process';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { buffer } from 'node:stream/consumers';
import { crc32 } from 'node:zlib';
import { fromBufferPromise } from 'yauzl';

export type ZipEntry = { name: string; body: Buffer; modifiedAt: Date; isStored: boolean; hasUtf8Name: boolean };

const UTF8_NAME = 0x800;
const STORED = 0;

/** @throws when anything in it is not as its directory says */
export async function readZip(bytes: Buffer): Promise<ZipEntry[]> {
  const zip = await fromBufferPromise(bytes, { strictFileNames: true });
  const entries: ZipEntry[] = [];
  for await (const entry of zip.eachEntry()) {
    const body = await buffer(await zip.openReadStreamPromise(entry));
    if (crc32(body) !== entry.crc32) throw new Error(`${entry.fileName} has another checksum than the directory says`);
    entries.push({
      name: entry.fileName,
      body,
      modifiedAt: entry.getLastModDate({ timezone: 'UTC' }),
      isStored: entry.compressionMethod === STORED,
      hasUtf8Name: (entry.generalPurposeBitFlag & UTF8_NAME) !== 0,
    });
  }
  // It calls an empty archive a fault.
  if (entries.length > 0) await tryUnzip(bytes);
  return entries;
}

async function tryUnzip(bytes: Buffer): Promise<void> {
  const folder = await mkdtemp(join(tmpdir(), 'chatdrop-unzip-'));
  const file = join(folder, 'archive.zip');
  await writeFile(file, bytes);
  const { error, status, stdout } = spawnSync('unzip', ['-tq', file], { encoding: 'utf8' });
  await rm(folder, { recursive: true });
  if (error === undefined && status !== 0) throw new Error(`unzip says: ${stdout}`);
}
