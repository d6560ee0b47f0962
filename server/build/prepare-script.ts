/** Starts the bundled server once, and keeps what V8 has compiled of it by its first answer. */
import { execFile } from 'node:child_process';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { promisify } from 'node:util';

const MAX_MS = 120_000;
const PROCESS = path.join(import.meta.dirname, 'prepare-process.ts');

export type Preparation = {
  /** File of the code. */
  script: string;
  /** File for what was prepared. */
  into: string;
  /** What the executable will carry, name → file; null for a script that runs from files. */
  assets: Readonly<Record<string, string>> | null;
};

/** @throws when the server does not start */
export async function prepareScript(preparation: Preparation): Promise<void> {
  const folder = await mkdtemp(path.join(tmpdir(), 'chatdrop-prepare-'));
  try {
    const settings = { HOME: folder, DATA_DIR: path.join(folder, 'data'), UNPACK_DIR: path.join(folder, 'libraries') };
    await promisify(execFile)(process.execPath, [PROCESS, JSON.stringify(preparation)], {
      cwd: folder,
      // Options of this process, as of a profiler, would have V8 make what no other takes.
      env: { ...settings, PATH: process.env.PATH, SystemRoot: process.env.SystemRoot },
      timeout: MAX_MS,
    });
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}
