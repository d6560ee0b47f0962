/** Lets yauzl read a stored file by pages, so that a thousand small reads are a few of the store's. */
import { RandomAccessReader } from 'yauzl';
import type { ReadBytes } from './whole-file.ts';

/** In a bucket each page is a request. */
const PAGE_BYTES = 64 * 1024;
/** Kept at a time: more than there are readers of local headers at once. */
const MAX_PAGES = 16;

type Callback = (error: Error | null, bytesRead?: number) => void;

export class ZipPages extends RandomAccessReader {
  /** What the store said when it could not read: no fault of the file. */
  storeFault: unknown;
  readonly #read: ReadBytes;
  readonly #pages = new Map<number, Promise<Uint8Array>>();

  constructor(read: ReadBytes) {
    super();
    this.#read = read;
  }

  override read(buffer: Buffer, offset: number, length: number, position: number, callback: Callback): void {
    this.#copy(buffer, offset, length, position).then(
      (bytesRead) => callback(null, bytesRead),
      (error: unknown) => {
        this.storeFault ??= error;
        callback(error instanceof Error ? error : new Error(String(error)));
      },
    );
  }

  /** @returns how many bytes there were */
  async #copy(buffer: Buffer, offset: number, length: number, position: number): Promise<number> {
    let copied = 0;
    while (copied < length) {
      const at = position + copied;
      const page = await this.#page(Math.floor(at / PAGE_BYTES));
      const bytes = page.subarray(at % PAGE_BYTES, (at % PAGE_BYTES) + length - copied);
      if (bytes.length === 0) break;
      buffer.set(bytes, offset + copied);
      copied += bytes.length;
    }
    return copied;
  }

  #page(number: number): Promise<Uint8Array> {
    const page = this.#pages.get(number) ?? this.#read(number * PAGE_BYTES, PAGE_BYTES);
    // The one that was used longest ago stands first.
    this.#pages.delete(number);
    this.#pages.set(number, page);
    for (const oldest of this.#pages.keys()) {
      if (this.#pages.size <= MAX_PAGES) break;
      this.#pages.delete(oldest);
    }
    return page;
  }
}
