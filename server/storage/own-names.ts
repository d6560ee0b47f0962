/** Only names that the server made itself reach a store. */
import { isStorageKey, isUploadId } from '../rules/upload-id.ts';

/** @throws when it is no upload id of ours */
export function ownId(id: string): string {
  return own(isUploadId(id), id);
}

/** @throws when it is no storage key of ours */
export function ownKey(key: string): string {
  return own(isStorageKey(key), key);
}

function own(matches: boolean, name: string): string {
  if (!matches) throw new Error(`not a name of ours: ${JSON.stringify(name.slice(0, 100))}`);
  return name;
}
