/** Reading for clients: who takes its time holds a connection to the store, so there are only so many, and no queue. */
import { Failure } from '../rules/failure.ts';
import type { Bucket } from './s3-bucket.ts';

/** @throws {Failure} `storage-unavailable` at once where all are in use: nobody knows when one will be free */
export function limitReads(maxReads: number, get: Bucket['get']): Bucket['get'] {
  let reads = 0;
  return async (key, first, last, etag) => {
    if (reads >= maxReads)
      throw new Failure('storage-unavailable', 'Too many downloads are under way. Try it again in a moment.', {
        retryAfterSeconds: 5,
      });
    reads += 1;
    const end = () => {
      reads -= 1;
    };
    try {
      const found = await get(key, first, last, etag);
      if (found === null) end();
      else found.body.once('close', end);
      return found;
    } catch (error) {
      end();
      throw error;
    }
  };
}
