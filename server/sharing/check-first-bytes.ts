/** Looks at a file's first bytes while they arrive, so that a forbidden one is refused at once. */

import type { UploadRecord, UploadTable } from '../database/upload-table.ts';
import { filePolicyOf, type PolicyOf } from '../rules/company-policy.ts';
import { HEAD_BYTES } from '../rules/detect-type.ts';
import { decideType } from '../rules/file-policy.ts';
import { isPartial } from '../rules/upload-concat.ts';
import type { FileStorage } from '../storage/file-storage.ts';

type Needs = { uploads: Pick<UploadTable, 'noteType'>; storage: Pick<FileStorage, 'readIncoming'>; policyOf: PolicyOf };

/** Sees batches before they are written. @throws {Failure} when the bytes are of a type that is refused */
export type FirstBytesCheck = (chunks: readonly Buffer[], offset: number) => Promise<void>;
export type CheckFirstBytes = (upload: UploadRecord) => FirstBytesCheck;

/**
 * Gathers `HEAD_BYTES` over as many requests as it takes. A file shorter than that is decided by the finish, which
 * looks at all files again: this check is for speed, that one for truth.
 */
export function createCheckFirstBytes(needs: Needs): CheckFirstBytes {
  return (upload) => {
    let head: Buffer | null = null;
    // The head of a part is not the head of a file: that one is looked at when the final upload is finished.
    let decided = upload.mimeType !== null || isPartial(upload);
    return async (chunks, offset) => {
      if (decided) return;
      head ??=
        offset === 0
          ? Buffer.alloc(0)
          : Buffer.from(await needs.storage.readIncoming(upload.id, Math.min(offset, HEAD_BYTES)));
      head = firstOf([head, ...chunks]);
      if (head.length < HEAD_BYTES) return;
      decided = true;
      const policy = filePolicyOf(await needs.policyOf(upload.company), upload.uploader);
      const { mimeType } = await decideType(head, false, upload, policy);
      // The body may stay open for hours, and thousands of them at once.
      head = null;
      upload.mimeType = mimeType;
      await needs.uploads.noteType(upload.id, mimeType);
    };
  };
}

/** Copies no more than it keeps: a first batch may be a mebibyte. */
function firstOf(chunks: readonly Buffer[]): Buffer {
  const parts: Buffer[] = [];
  let leftBytes = HEAD_BYTES;
  for (const chunk of chunks) {
    if (leftBytes === 0) break;
    const part = chunk.subarray(0, leftBytes);
    leftBytes -= part.length;
    parts.push(part);
  }
  return Buffer.concat(parts);
}
