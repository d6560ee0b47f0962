/** The key of development mode: random, made once, kept beside the database so that tokens outlive a restart. */
import { randomBytes } from 'node:crypto';
import { linkSync, mkdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import path from 'node:path';

/** Readable by its owner only. */
export function developmentSecret(dataDir: string): string {
  mkdirSync(dataDir, { recursive: true, mode: 0o700 });
  const file = path.join(dataDir, 'development-secret');
  if (statSync(file, { throwIfNoEntry: false })?.size === 0) rmSync(file);
  const whole = `${file}.${process.pid}`;
  try {
    // Written whole, then given its name: a process that dies in between leaves no half secret.
    writeFileSync(whole, randomBytes(48).toString('base64url'), { mode: 0o600 });
    linkSync(whole, file);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error;
  } finally {
    rmSync(whole, { force: true });
  }
  return readFileSync(file, 'utf8');
}
