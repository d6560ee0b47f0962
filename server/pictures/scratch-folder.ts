/** A folder for what a program reads and writes: each file has no name any more while it is used, so that nothing stays however this process ends. */
import { randomBytes } from 'node:crypto';
import { type FileHandle, mkdir, mkdtemp, open, rm, symlink, unlink } from 'node:fs/promises';
import path from 'node:path';

export type Scratch = {
  /** Two ends of a new file that has no name: one to write, one that only reads. Close both. */
  namelessFile(): Promise<{ writer: FileHandle; reader: FileHandle }>;
  /** A folder in which a name leads to the standard output of who runs there. `remove` takes all that was written to it. */
  folderToOutput(names: readonly string[]): Promise<{ folder: string; remove(): Promise<void> }>;
  /** Removes what an earlier process left. */
  empty(): Promise<void>;
};

export function createScratch(folder: string): Scratch {
  return {
    async namelessFile() {
      await mkdir(folder, { recursive: true, mode: 0o700 });
      const name = path.join(folder, randomBytes(12).toString('hex'));
      const writer = await open(name, 'wx', 0o600);
      try {
        return { writer, reader: await open(name, 'r') };
      } catch (error) {
        await writer.close();
        throw error;
      } finally {
        await unlink(name);
      }
    },
    async folderToOutput(names) {
      await mkdir(folder, { recursive: true, mode: 0o700 });
      const made = await mkdtemp(path.join(folder, 'run-'));
      for (const name of names) await symlink('/dev/stdout', path.join(made, name));
      return { folder: made, remove: () => rm(made, { recursive: true, force: true }) };
    },
    empty: () => rm(folder, { recursive: true, force: true }),
  };
}
