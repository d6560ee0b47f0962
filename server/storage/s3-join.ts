/** Makes one unfinished upload of others, inside the bucket. */
import { HEAD_BYTES } from '../rules/detect-type.ts';
import type { S3Upload } from '../rules/s3-upload.ts';
import type { S3Needs } from './s3-complete.ts';
import { concatenate } from './s3-copy.ts';
import { seal } from './s3-finish.ts';
import { MIN_PART_BYTES } from './s3-multipart.ts';
import { bytesOf, newPieceName, type Source, sourcesOf, streamOf } from './s3-pieces.ts';

/** The row comes last: before it there is no such upload, whatever lies in the bucket. */
export async function joinUploads(
  needs: S3Needs,
  id: string,
  partIds: readonly string[],
  signal: AbortSignal,
): Promise<void> {
  const { bucket, multiparts, uploads, reader, names } = needs;
  signal.throwIfAborted();
  if ((await uploads.offsetOf(id)) !== null) return;
  const parts = await sealAll(needs, partIds, signal);
  const sources: Source[] = partIds.flatMap((partId) => sourcesOf(names, partId, parts.get(partId)?.pieces ?? []));
  const sizeBytes = bytesOf(sources);
  const name = newPieceName();
  const key = names.object(id, name);
  if (sizeBytes > MIN_PART_BYTES) await concatenate(needs, sources, key, signal);
  else if (sizeBytes > 0) await bucket.putStream(key, () => streamOf(reader, sources), sizeBytes);
  await uploads.insert({
    id,
    sizeBytes,
    partSizeBytes: multiparts.partSizeFor(sizeBytes),
    offset: sizeBytes,
    head: headOf(partIds.map((partId) => parts.get(partId) as S3Upload)),
    pieces: sizeBytes === 0 ? [] : [{ start: 0, sizeBytes, name }],
  });
}

/** @throws when one of them is not there */
async function sealAll(needs: S3Needs, ids: readonly string[], signal: AbortSignal): Promise<Map<string, S3Upload>> {
  const sealed = new Map<string, S3Upload>();
  for (const id of new Set(ids)) {
    signal.throwIfAborted();
    const upload = await seal(needs, id);
    if (upload === null) throw new Error(`there are no bytes of the upload ${id}`);
    sealed.set(id, upload);
  }
  return sealed;
}

/** The next part's first bytes only count where all of this one's are known. */
function headOf(parts: readonly S3Upload[]): Buffer {
  const heads: Buffer[] = [];
  for (const { head, offset } of parts) {
    heads.push(head);
    if (head.length < offset) break;
  }
  return Buffer.concat(heads).subarray(0, HEAD_BYTES);
}
