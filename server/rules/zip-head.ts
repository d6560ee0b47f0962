/** The names in a ZIP file as far as its first bytes show them. */

const LOCAL_HEADER = 0x04034b50;
const LOCAL_HEADER_BYTES = 30;

/** The names of the entries that the first bytes of a ZIP file show, in order: those whose sizes stand in their headers. */
export function zipNamesInHead(head: Uint8Array): string[] {
  const view = new DataView(head.buffer, head.byteOffset, head.byteLength);
  const names: string[] = [];
  let at = 0;
  while (at + LOCAL_HEADER_BYTES <= view.byteLength && view.getUint32(at, true) === LOCAL_HEADER) {
    const nameBytes = view.getUint16(at + 26, true);
    const nameAt = at + LOCAL_HEADER_BYTES;
    if (nameAt + nameBytes > view.byteLength) break;
    names.push(comparableName(head.subarray(nameAt, nameAt + nameBytes)));
    const hasSizes = (view.getUint16(at + 6, true) & 0x08) === 0; // bit 3: the sizes follow the data (APPNOTE.TXT 4.4.4)
    if (!hasSizes) break;
    at = nameAt + nameBytes + view.getUint16(at + 28, true) + view.getUint32(at + 18, true);
  }
  return names;
}

/** In lower case and with `/` between folders, for comparisons; not for showing. */
export function comparableName(bytes: Uint8Array): string {
  return Buffer.from(bytes).toString('latin1').replaceAll('\\', '/').toLowerCase();
}
