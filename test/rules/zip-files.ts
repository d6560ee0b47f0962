/** ZIP files made by hand, with stored entries: whole ones, and broken on request. */
import { bytes } from './sample-files.ts';

export type ZipFault = {
  /** Bytes left off the end. */
  cutBytes?: number;
  /** Added to where the end record says that the directory begins. */
  shiftBytes?: number;
  /** Writes ZIP64 records as large files have them. */
  zip64?: boolean;
  comment?: string;
};

/** A ZIP file of these entries, in order. */
export function zip(entries: Record<string, string | Uint8Array>, fault: ZipFault = {}): Uint8Array {
  const locals: Uint8Array[] = [];
  const directory: Uint8Array[] = [];
  let at = 0;
  for (const [name, content] of Object.entries(entries)) {
    const data = Buffer.from(content as string);
    const common = [
      u16(20),
      u16(0),
      u16(0),
      u32(0),
      u32(0),
      u32(data.length),
      u32(data.length),
      u16(Buffer.byteLength(name)),
      u16(0),
    ];
    const local = bytes(u32(0x04034b50), ...common, name, data);
    directory.push(bytes(u32(0x02014b50), u16(20), ...common, u16(0), u16(0), u16(0), u32(0), u32(at), name));
    locals.push(local);
    at += local.length;
  }
  const directoryBytes = bytes(...directory);
  const whole = bytes(...locals, directoryBytes, endRecords(directory.length, directoryBytes.length, at, fault));
  return whole.subarray(0, whole.length - (fault.cutBytes ?? 0));
}

export const docx = zip({ '[Content_Types].xml': '<Types/>', '_rels/.rels': '<r/>', 'word/document.xml': '<w/>' });
export const xlsx = zip({ '[Content_Types].xml': '<Types/>', 'xl/workbook.xml': '<w/>' });
export const pptx = zip({ '[Content_Types].xml': '<Types/>', 'ppt/presentation.xml': '<p/>' });
export const odt = zip({ mimetype: 'application/vnd.oasis.opendocument.text', 'content.xml': '<o/>' });
export const plainZip = zip({ 'photos/a.txt': 'a', 'photos/b.txt': 'b' });
export const emptyZip = zip({});
export const jar = zip({ 'META-INF/MANIFEST.MF': 'Manifest-Version: 1.0', 'a/Main.class': 'x' });
export const apk = zip({ 'res/a.txt': 'x'.repeat(5000), 'AndroidManifest.xml': 'x' });
export const macroDocument = zip({
  '[Content_Types].xml': 'x'.repeat(5000),
  'word/document.xml': 'x',
  'word/vbaProject.bin': 'x',
});

function endRecords(count: number, sizeBytes: number, at: number, fault: ZipFault): Uint8Array {
  const directoryAt = at + (fault.shiftBytes ?? 0);
  const comment = fault.comment ?? '';
  const end = (n16: number, size: number, offset: number) =>
    bytes(
      u32(0x06054b50),
      u16(0),
      u16(0),
      u16(n16),
      u16(n16),
      u32(size),
      u32(offset),
      u16(Buffer.byteLength(comment)),
      comment,
    );
  if (!fault.zip64) return end(count, sizeBytes, directoryAt);
  const record = bytes(
    ...[u32(0x06064b50), u64(44), u16(45), u16(45), u32(0), u32(0)],
    ...[u64(count), u64(count), u64(sizeBytes), u64(directoryAt)],
  );
  const locator = bytes(u32(0x07064b50), u32(0), u64(at + sizeBytes), u32(1));
  return bytes(record, locator, end(0xffff, 0xffffffff, 0xffffffff));
}

function u16(value: number): Uint8Array {
  return Uint8Array.of(value & 0xff, value >>> 8);
}

function u32(value: number): Uint8Array {
  return bytes(u16(value & 0xffff), u16(value >>> 16));
}

function u64(value: number): Uint8Array {
  return bytes(u32(value % 2 ** 32), u32(Math.floor(value / 2 ** 32)));
}
