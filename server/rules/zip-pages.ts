/** Lets yauzl read a stored file; hand it a reader that reads by pages, so that a thousand small reads are a few of the store's. */
import { RandomAccessReader } from 'yauzl';
import type { ReadBytes } from './whole-file.ts';

type Callback = (error: Error | null, bytesRead?: number) => void;

export class ZipPages extends RandomAccessReader {
  /** What the store said when it could not read: no fault of the file. */
  storeFault: unknown;
  readonly #read: ReadBytes;

  constructor(read: ReadBytes) {
    super();
    this.#read = read;
  }

  override read(buffer: Buffer, offset: number, length: number, position: number, callback: Callback): void {
    this.#read(position, length).then(
      (bytes) => {
        buffer.set(bytes, offset);
        callback(null, bytes.length);
      },
      (error: unknown) => {
        this.storeFault ??= error;
        callback(error instanceof Error ? error : new Error(String(error)));
      },
    );
  }
}
