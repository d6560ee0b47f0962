/** Makes one object of an unfinished upload. Each step can be repeated after a crash or a fault at any point. */

import { type S3Upload, unchanged } from '../rules/s3-upload.ts';
import { endMultiparts } from './s3-bucket.ts';
import { completeOrFind, type S3Needs } from './s3-complete.ts';
import { copyInParts } from './s3-copy.ts';
import { bytesOf, dropObjects, sourcesOf, streamOf, WHOLE } from './s3-pieces.ts';
import { overtaken } from './s3-tally.ts';

/** Two calls may meet (both are safe alone); more changes than these mean that somebody else writes. */
const MAX_STEPS = 6;

/** Afterwards no byte is in a part: all can be read and copied. @returns null if there is no such upload */
export async function seal(needs: S3Needs, id: string): Promise<S3Upload | null> {
  for (let step = 0; step < MAX_STEPS; step += 1) {
    const upload = await needs.uploads.find(id);
    if (upload === null || upload.multipart === null) return upload;
    if (upload.pieces.length > 0) await storeLastPart(needs, upload, upload.multipart);
    else await complete(needs, upload, upload.multipart);
  }
  throw overtaken();
}

type Multipart = NonNullable<S3Upload['multipart']>;

async function storeLastPart(needs: S3Needs, upload: S3Upload, multipart: Multipart): Promise<void> {
  const { bucket, uploads, reader, names } = needs;
  const sources = sourcesOf(names, upload.id, upload.pieces);
  const number = upload.parts + 1;
  const etag = await bucket.putPartStream(multipart, number, () => streamOf(reader, sources), bytesOf(sources));
  const change = {
    ...unchanged(upload),
    parts: number,
    addParts: [{ number, etag }],
    dropPieces: upload.pieces.map(({ name }) => name),
  };
  if (!(await uploads.change(upload.id, upload.version, change))) return;
  await dropObjects(
    bucket,
    sources.map(({ key }) => key),
  );
}

async function complete(
  { bucket, multiparts, uploads }: S3Needs,
  upload: S3Upload,
  multipart: Multipart,
): Promise<void> {
  const etags = await uploads.etagsOf(upload.id);
  if (etags.length !== upload.parts) return;
  await completeOrFind({ bucket, multiparts }, multipart, etags, upload.offset);
  const isInPlace = multipart.key === upload.finalKey;
  const whole = { start: 0, sizeBytes: upload.offset, name: isInPlace ? multipart.key : WHOLE };
  const change = { ...unchanged(upload), multipart: null, parts: 0, addPieces: [whole] };
  await uploads.change(upload.id, upload.version, change);
}

/** To its key, and away from where it was. @throws when the bytes are in neither place, or the signal stops a copy */
export async function makeFinal(needs: S3Needs, id: string, key: string, signal: AbortSignal): Promise<void> {
  const { bucket, uploads, names } = needs;
  const upload = await seal(needs, id);
  if (upload === null) {
    if ((await bucket.sizeOf(key)) === null) throw new Error(`the bytes of ${id} are neither there nor at ${key}`);
    return;
  }
  const isCopiedInParts = await publish(needs, upload, key, signal);
  // A multipart upload was begun at the key, perhaps more than once: the answer to the first may have been lost.
  const isBegunThere = upload.finalKey !== null && upload.offset >= upload.partSizeBytes;
  if (isCopiedInParts || isBegunThere) await endMultiparts(bucket, key);
  await uploads.remove(id);
  await dropObjects(
    bucket,
    upload.pieces.map(({ name }) => names.object(id, name)).filter((piece) => piece !== key),
  );
}

/** @returns whether that was a copy in parts */
async function publish(needs: S3Needs, upload: S3Upload, key: string, signal: AbortSignal): Promise<boolean> {
  const { bucket, reader, names } = needs;
  const sources = sourcesOf(names, upload.id, upload.pieces);
  const [first] = sources;
  if (first === undefined) await bucket.put(key, Buffer.alloc(0));
  else if (first.key === key) return false;
  else if (sources.length > 1) await bucket.putStream(key, () => streamOf(reader, sources), bytesOf(sources));
  else if (first.sizeBytes <= needs.largeCopyBytes) await bucket.copy(first.key, key);
  else {
    await copyInParts(needs, upload, first, key, signal);
    return true;
  }
  return false;
}
