/** Many small reads of a stored file as a few of the store's. */
import type { ReadBytes } from './whole-file.ts';

/** In a bucket each page is a request. */
const PAGE_BYTES = 64 * 1024;
/** Kept at a time: more than there are readers of local headers at once. */
const MAX_PAGES = 16;

/** What is asked for lies all over the file. */
export class TooManyPages extends Error {}

/** @throws {TooManyPages} where it would take more than `maxReads` of the store */
export function createReadByPages(read: ReadBytes, maxReads = Number.POSITIVE_INFINITY): ReadBytes {
  const pages = new Map<number, Promise<Uint8Array>>();
  let reads = 0;
  const readPage = (number: number) => {
    reads += 1;
    if (reads > maxReads) throw new TooManyPages();
    return read(number * PAGE_BYTES, PAGE_BYTES);
  };
  const pageOf = (number: number) => {
    const page = pages.get(number) ?? readPage(number);
    // The one that was used longest ago stands first.
    pages.delete(number);
    pages.set(number, page);
    for (const oldest of pages.keys()) {
      if (pages.size <= MAX_PAGES) break;
      pages.delete(oldest);
    }
    return page;
  };
  return async (position, lengthBytes) => {
    const parts: Uint8Array[] = [];
    for (let at = position; at < position + lengthBytes; ) {
      const page = await pageOf(Math.floor(at / PAGE_BYTES));
      const bytes = page.subarray(at % PAGE_BYTES, (at % PAGE_BYTES) + position + lengthBytes - at);
      if (bytes.length === 0) break;
      parts.push(bytes);
      at += bytes.length;
    }
    return parts.length === 1 ? (parts[0] as Uint8Array) : Buffer.concat(parts);
  };
}
