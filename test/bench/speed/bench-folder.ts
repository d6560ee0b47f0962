/** Where a measured server stores: there until the whole run ends. */
import { rmSync } from 'node:fs';
import { mkdtemp } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';

const folders: string[] = [];

/**
 * Deleted with the process, also when that is ended in the middle. Not before: for minutes after a mass deletion ext4 makes a new
 * file several times as dear, since it looks at each inode that was just given up, and the next work would be measured with that.
 */
export async function newBenchFolder(name: string): Promise<string> {
  const folder = await mkdtemp(path.join(tmpdir(), `bench-${name}-`));
  if (folders.length === 0) process.once('exit', removeAll);
  folders.push(folder);
  return folder;
}

function removeAll(): void {
  for (const folder of folders) rmSync(folder, { recursive: true, force: true, maxRetries: 10 });
}
