/** The port to what the S3 storage knows of unfinished uploads. */
import type { S3Change, S3Upload } from '../rules/s3-upload.ts';

export type S3Uploads = {
  insert(upload: Omit<S3Upload, 'version' | 'multipart' | 'finalKey' | 'parts'>): Promise<void>;
  offsetOf(id: string): Promise<number | null>;
  headOf(id: string): Promise<Buffer | null>;
  find(id: string): Promise<S3Upload | null>;
  /** In order of the parts' numbers. */
  etagsOf(id: string): Promise<string[]>;
  /** All of the change, or nothing. @returns false when another change was quicker, or the upload is gone */
  change(id: string, version: number, change: S3Change): Promise<boolean>;
  remove(id: string): Promise<void>;
  /** Who else needs what is at a key: a file that is shared or being made, or another upload whose place it is. */
  othersAt(key: string, id: string): Promise<{ isFile: boolean; isPlace: boolean }>;
  ids(): AsyncIterable<string>;
};
