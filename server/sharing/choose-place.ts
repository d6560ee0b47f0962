/** Where an upload's bytes will be final, as soon as its first bytes have said what it is. */
import type { UploadRecord, UploadTable } from '../database/upload-table.ts';
import { extensionOf } from '../rules/file-policy.ts';
import { isPartial } from '../rules/upload-concat.ts';
import { newStorageKey } from '../rules/upload-id.ts';

type Needs = { uploads: Pick<UploadTable, 'reservePlace'> };

/** Noted on the row before it is answered. Null while session or type are not known, and for a part, which has no place. */
export type ChoosePlace = (upload: UploadRecord) => Promise<string | null>;

export function createChoosePlace({ uploads }: Needs): ChoosePlace {
  return async (upload) => {
    if (upload.storageKey !== null) return upload.storageKey;
    if (isPartial(upload) || upload.oneRequest || upload.mimeType === null) return null;
    const key = newStorageKey(upload.company, upload.session, extensionOf(upload.mimeType));
    if (!(await uploads.reservePlace(upload.id, key))) return null;
    upload.storageKey = key;
    return key;
  };
}
