/** The port to another service's files: read by the paths that its rows hold. Never written to. */
import type { StoredObject } from './file-storage.ts';

/** The path leads out of the place, or over a link: it is not followed. */
export class UnsafePath extends Error {}

export type MediaSource = {
  /** Null if there is no such file. @throws {UnsafePath} · {Failure} `storage-unavailable` when the place as a whole is away */
  open(path: string): Promise<StoredObject | null>;
  close(): Promise<void>;
};

/** The parts of a path as Django writes them: below its place, with `/` between. @throws {UnsafePath} for every other */
export function partsOf(path: string): string[] {
  const parts = path.split('/');
  const isOdd = (part: string) => part === '' || part === '.' || part === '..' || /[\\\0]/.test(part);
  if (parts.some(isOdd)) throw new UnsafePath('its path leads out of the media folder');
  return parts;
}
