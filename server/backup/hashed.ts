/** The bytes that go by: how many, and their SHA-256. */
import { createHash } from 'node:crypto';
import { Transform } from 'node:stream';

export function hashed() {
  const hash = createHash('sha256');
  let sizeBytes = 0;
  const stream = new Transform({
    transform(chunk: Buffer, _encoding, done) {
      sizeBytes += chunk.length;
      hash.update(chunk);
      done(null, chunk);
    },
  });
  /** Once, after its end. */
  return { stream, read: () => ({ sizeBytes, sha256: hash.digest('hex') }) };
}
