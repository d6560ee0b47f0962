/** A folder that nobody but this user (and root) can put anything into: what lies there may be loaded as code. */
import { type BigIntStats, lstatSync, mkdirSync, realpathSync } from 'node:fs';
import path from 'node:path';

const OTHERS_WRITE = 0o022n;
const OTHERS = 0o077n;
/** In such a folder (`/tmp`) nobody may rename or remove what is another's. */
const STICKY = 0o1000n;

/**
 * Makes it where it is missing.
 * @returns its path without links in it
 * @throws when it is another user's, open to others, or lies in a folder where others could put another in its place
 */
export function ensurePrivateFolder(folder: string): string {
  mkdirSync(folder, { recursive: true, mode: 0o700 });
  const real = realpathSync(folder);
  assertPrivate(real);
  for (let above = path.dirname(real); ; above = path.dirname(above)) {
    assertGuarded(above);
    if (above === path.dirname(above)) return real;
  }
}

/** The folder itself: this user's, and closed. No link. */
export function assertPrivate(folder: string): void {
  const stats = lstatSync(folder, { bigint: true });
  if (!stats.isDirectory()) throw new Error(`${folder} is not a folder`);
  const me = userId();
  // On Windows a profile is closed to other users by its access list.
  if (me === null) return;
  if (stats.uid !== me) throw new Error(`${folder} belongs to another user`);
  if ((stats.mode & OTHERS) !== 0n) throw new Error(`${folder} is open to other users (chmod 700)`);
}

/** A folder above it: nobody else may rename what is in it. */
function assertGuarded(folder: string): void {
  const me = userId();
  if (me === null) return;
  const stats: BigIntStats = lstatSync(folder, { bigint: true });
  if (stats.uid !== me && stats.uid !== 0n) throw new Error(`${folder}, above it, belongs to another user`);
  if ((stats.mode & OTHERS_WRITE) !== 0n && (stats.mode & STICKY) === 0n)
    throw new Error(`others may write to ${folder}, above it`);
}

function userId(): bigint | null {
  return process.geteuid === undefined ? null : BigInt(process.geteuid());
}
