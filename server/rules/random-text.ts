/** Random bytes as text, for names that nobody can guess. */
import { randomFillSync } from 'node:crypto';

/** Asked of the system at once, since each question costs more than the bytes: enough for some two hundred ids. */
const POOL_BYTES = 4096;
/** More than any name has. */
const MAX_RANDOM_BYTES = 64;

const pool = Buffer.allocUnsafeSlow(POOL_BYTES);
let used = POOL_BYTES;

/** @param bytes of randomness, each handed out once and forgotten; `MAX_RANDOM_BYTES` at most */
export function randomText(bytes: number, encoding: 'base64url' | 'hex'): string {
  if (bytes > MAX_RANDOM_BYTES) throw new RangeError(`${bytes} random bytes are more than a name has`);
  if (used + bytes > POOL_BYTES) {
    randomFillSync(pool);
    used = 0;
  }
  const end = used + bytes;
  const text = pool.toString(encoding, used, end);
  pool.fill(0, used, end);
  used = end;
  return text;
}
