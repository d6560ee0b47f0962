/** Whether a PDF needs a key: its trailer names an encryption dictionary (ISO 32000-1, 7.6.1). */
import type { WholeFile } from './whole-file.ts';

/** Of the end, where the trailer is; further up it stands only where `startxref` says. */
const TAIL_BYTES = 64 * 1024;
/** Of a cross-reference stream's dictionary, which is the trailer then (7.5.8). */
const DICTIONARY_BYTES = 4096;

/** With bounds, since a file may be made to keep a pattern busy. */
const ENCRYPT_KEY = /\/Encrypt(?:\s|%[^\r\n]{0,100}[\r\n]){0,50}(?:\d{1,10}\s{1,9}\d{1,5}\s{1,9}R|<<)/;

/** Reads at most 68 KiB. A file whose trailer cannot be found opens nowhere, and counts as not encrypted. */
export async function isEncryptedPdf({ sizeBytes, read }: WholeFile): Promise<boolean> {
  const tailAt = Math.max(0, sizeBytes - TAIL_BYTES);
  const tail = Buffer.from(await read(tailAt, sizeBytes - tailAt)).toString('latin1');
  if (namesEncryption(tail)) return true;
  const startsAt = [...tail.matchAll(/startxref\s+(\d{1,15})/g)].at(-1)?.[1];
  if (startsAt === undefined) return false;
  return namesEncryption(Buffer.from(await read(Number(startsAt), DICTIONARY_BYTES)).toString('latin1'));
}

/** A name may be written with its letters as numbers, `/#45ncrypt` (7.3.5). */
function namesEncryption(text: string): boolean {
  const plain = text.replaceAll(/#([0-9a-f]{2})/gi, (_, digits: string) =>
    String.fromCharCode(Number.parseInt(digits, 16)),
  );
  return ENCRYPT_KEY.test(plain);
}
