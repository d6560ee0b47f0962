/** Where a backup goes: one archive, or a folder that keeps several. */
import type { Readable } from 'node:stream';
import type { BackupEntry } from './backup-entry.ts';
import type { EntryList } from './entry-list.ts';

export type BackupTarget = {
  /** A folder on the target's own disk for what is needed meanwhile; it goes at the end. */
  workFolder: string;
  /** Objects that are there by now: by this backup, or by an earlier one in the same folder. */
  catalogue: EntryList;
  /** @returns null when the stream ends before `sizeBytes`: then there is no such entry */
  add(name: string, sizeBytes: number, body: Readable): Promise<BackupEntry | null>;
  /** The file `manifest` is the last entry; after it the backup is whole, and on the disk. */
  finish(manifest: string): Promise<void>;
  /** After a fault: what is no backup does not look like one. */
  abandon(): Promise<void>;
};
