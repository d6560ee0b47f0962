/** What an old office document keeps inside its streams: whether it needs a password, and macros that no storage names. */
import type { OleEntry, OleFile } from './ole-file.ts';

/** The stream that holds an Open XML document under a password, or under rights that somebody manages ([MS-OFFCRYPTO] 1.3.3). */
export const ENCRYPTED_PACKAGE = 'encryptedpackage';
/** Streams that are there only under a password, or under managed rights: of PowerPoint ([MS-PPT] 2.1.4), and of all. */
const ENCRYPTED_STREAMS = new Set([ENCRYPTED_PACKAGE, 'encryptedsummary', '\tdrmcontent']);

/** Documents in one, each of which is looked into. */
export const MAX_DOCUMENTS = 256;
const WORD = 'worddocument';
/** Excel 5 and 95 wrote `Book`. */
const EXCEL = ['workbook', 'book'];
const POWERPOINT_USER = 'current user';
const POWERPOINT = 'powerpoint document';
const DOCUMENTS = new Set([WORD, ...EXCEL, POWERPOINT_USER, POWERPOINT]);

export function documentsIn({ entries }: OleFile): OleEntry[] {
  return entries.filter(({ name, isStream }) => isStream && DOCUMENTS.has(name));
}

export async function isEncryptedOle(ole: OleFile): Promise<boolean> {
  if (ole.entries.some(({ name }) => ENCRYPTED_STREAMS.has(name))) return true;
  for (const entry of documentsIn(ole)) {
    const start = await ole.read(entry, 0, 512);
    if (entry.name === WORD && isEncryptedWord(start)) return true;
    if (EXCEL.includes(entry.name) && isEncryptedExcel(start)) return true;
    if (entry.name === POWERPOINT_USER && isEncryptedPowerPoint(start)) return true;
  }
  return false;
}

/** Of all documents in one, together. A large presentation has some thousands, and so has a table with many styles. */
const MAX_RECORDS = 20_000;
type Budget = { records: number };
type Found = 'macros' | 'none' | 'too-many';

/** Macros of Excel 4, which are sheets, and those of PowerPoint, which are records. `too-many`: they could stand behind what is looked at. */
export async function macrosInside(ole: OleFile): Promise<Found> {
  const budget = { records: MAX_RECORDS };
  for (const entry of documentsIn(ole)) {
    if (EXCEL.includes(entry.name) && (await hasMacroSheet(ole, entry, budget))) return 'macros';
    if (entry.name === POWERPOINT && (await hasPowerPointMacros(ole, entry, budget))) return 'macros';
    if (budget.records <= 0) return 'too-many';
  }
  return 'none';
}

/** `wIdent` of Word 6 and later, and `fEncrypted` ([MS-DOC] 2.5.2). */
function isEncryptedWord(start: Buffer): boolean {
  if (start.length < 12) return false;
  return [0xa5ec, 0xa5dc].includes(start.readUInt16LE(0)) && (start.readUInt16LE(10) & 0x0100) !== 0;
}

const BIFF_FILE_PASS = 0x2f;
const BIFF_BOUND_SHEET = 0x85;
const BIFF_END = 0x0a;
/** `FilePass` is the second record, or the third ([MS-XLS] 2.1.7.20.3). */
const RECORDS_BEFORE_FILE_PASS = 4;

function isEncryptedExcel(start: Buffer): boolean {
  let at = 0;
  for (let record = 0; record < RECORDS_BEFORE_FILE_PASS && at + 4 <= start.length; record += 1) {
    if (start.readUInt16LE(at) === BIFF_FILE_PASS) return true;
    at += 4 + start.readUInt16LE(at + 2);
  }
  return false;
}

/** `headerToken`: “The file MUST be an encrypted document” ([MS-PPT] 2.3.2). */
function isEncryptedPowerPoint(start: Buffer): boolean {
  return start.length >= 16 && start.readUInt32LE(12) === 0xf3d1c4df;
}

/** `dt` of a sheet: 1 is a macro sheet, 6 a module of Excel 5 ([MS-XLS] 2.4.28). */
const MACRO_SHEETS = [1, 6];

async function hasMacroSheet(ole: OleFile, entry: OleEntry, budget: Budget): Promise<boolean> {
  let at = 0;
  for (; budget.records > 0; budget.records -= 1) {
    const head = await ole.read(entry, at, 10);
    if (head.length < 4) return false;
    const type = head.readUInt16LE(0);
    // What follows a FilePass can be read by nobody without the password.
    if (type === BIFF_END || type === BIFF_FILE_PASS) return false;
    if (type === BIFF_BOUND_SHEET && head.length >= 10 && MACRO_SHEETS.includes(head.readUInt8(9))) return true;
    at += 4 + head.readUInt16LE(2);
  }
  return false;
}

const PPT_DOCUMENT = 0x03e8;
const PPT_DOCUMENT_INFO = 0x07d0;
const PPT_MACRO_INFO = 0x03ff;
const PPT_MACRO_INFO_ATOM = 0x0400;
const PPT_HEADER_BYTES = 8;

/** The document's list of what it knows says whether there are macros (`fHasMacros`, [MS-PPT] 2.4.11); all else is skipped. */
async function hasPowerPointMacros(ole: OleFile, entry: OleEntry, budget: Budget): Promise<boolean> {
  let at = 0;
  for (; budget.records > 0; budget.records -= 1) {
    const head = await ole.read(entry, at, PPT_HEADER_BYTES + 8);
    if (head.length < PPT_HEADER_BYTES) return false;
    const type = head.readUInt16LE(2);
    if (type === PPT_MACRO_INFO_ATOM && head.length >= 16 && head.readUInt32LE(12) !== 0) return true;
    const isOpened = [PPT_DOCUMENT, PPT_DOCUMENT_INFO, PPT_MACRO_INFO].includes(type);
    at += PPT_HEADER_BYTES + (isOpened ? 0 : head.readUInt32LE(4));
  }
  return false;
}
