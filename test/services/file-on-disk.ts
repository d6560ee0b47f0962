/** A file that a test's browser chooses by its path. */
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { onTestFinished } from 'vitest';

/**
 * For what is large: bytes that are handed to the browser itself go through its debugger, at a third of a second of CPU for each
 * megabyte. Gone when the test ends.
 * @returns its path
 */
export async function fileOnDisk(name: string, content: Buffer): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), 'chatdrop-chosen-'));
  onTestFinished(() => rm(folder, { recursive: true, force: true }));
  const path = join(folder, name);
  await writeFile(path, content);
  return path;
}
