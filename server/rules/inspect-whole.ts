/** Confirms the type of a file whose bytes are all here: what only the whole of it shows, such as a ZIP file's directory. */
import { HEAD_BYTES } from './detect-type.ts';
import { type DecidedType, decideType, type FilePolicy } from './file-policy.ts';
import { typeNamed, typesOfFamily } from './file-types.ts';
import { type OleDirectory, readOleDirectory } from './ole-directory.ts';
import { damaged, forbidden, notWhatItsNameSays } from './refusals.ts';
import type { Declared } from './stated-types.ts';
import { type ReadBytes, readStoredEntry, readZipDirectory, type ZipEntry } from './zip-entries.ts';
import { canBeType, forbiddenPackage } from './zip-packages.ts';

/** Random access to a stored file. `read` answers fewer bytes than asked for only where the file ends. */
export type WholeFile = { sizeBytes: number; read(position: number, lengthBytes: number): Promise<Uint8Array> };

/** Longer than any media type that an OpenDocument or EPUB file names itself. */
const MAX_MIMETYPE_BYTES = 256;

/** The stream that makes an OLE file a document of this type; Excel 5 and 95 wrote `Book`. */
const OLE_STREAMS: ReadonlyMap<string, readonly string[]> = new Map([
  ['application/msword', ['worddocument']],
  ['application/vnd.ms-excel', ['workbook', 'book']],
  ['application/vnd.ms-powerpoint', ['powerpoint document', 'pp40', 'pp97_dualstorage']],
]);
/** The storages that hold a document's macros ([MS-OVBA] 2.2.1); Word's, Excel's and the project itself. */
const OLE_MACRO_STORAGES = new Set(['macros', '_vba_project_cur', '_vba_project', 'vba']);

/**
 * Decides the type again from the first bytes, so that nothing rests on what was decided before a crash, and then looks
 * into ZIP and old office files: programs and macros in disguise are `executable`; what is not the document that its name
 * says, and a ZIP file that cannot be read, is `type-mismatch`. Throws `Failure` as `decideType` does, and whatever `read` throws.
 * Reads at most 4 KiB, 64 KiB of the end, 1 MiB of directory and a few entries.
 */
export async function confirmType(
  file: WholeFile,
  decided: DecidedType,
  declared: Declared,
  policy: FilePolicy,
): Promise<DecidedType> {
  const lengthBytes = Math.min(HEAD_BYTES, file.sizeBytes);
  const head = lengthBytes === 0 ? new Uint8Array() : await file.read(0, lengthBytes);
  const confirmed = await decideType(head, file.sizeBytes <= HEAD_BYTES, declared, policy);
  if (file.sizeBytes === 0) return confirmed;
  // A file that was let in as a ZIP or office file is held to it, whatever its first bytes have become since.
  const families = new Set([decided, confirmed].map((type) => typeNamed(type.mimeType)?.family));
  const inside: WholeFile = { sizeBytes: file.sizeBytes, read: readInside(file) };
  if (families.has('zip')) await inspectZip(inside, confirmed.mimeType, declared.name);
  if (families.has('ole-office')) await inspectOle(inside, confirmed.mimeType, declared.name);
  return confirmed;
}

/** The offsets in a file are whatever its sender wrote there: a range outside it would be an error of the store, not of the file. */
function readInside(file: WholeFile): ReadBytes {
  return async (position, lengthBytes) => {
    const length = Math.min(lengthBytes, file.sizeBytes - position);
    return position >= 0 && length > 0 ? await file.read(position, length) : new Uint8Array();
  };
}

async function inspectZip(file: WholeFile, mimeType: string, name: string): Promise<void> {
  const label = typeNamed(mimeType)?.label ?? 'a ZIP file';
  const entries = await readZipDirectory(file.sizeBytes, file.read);
  if (entries === undefined) throw damaged(name, label);
  const names = entries.map((entry) => entry.name);
  const kind = forbiddenPackage(names);
  if (kind !== undefined) throw forbidden(name, kind);
  const mimetypeEntry = await readMimetypeEntry(entries, file.read);
  if (canBeType(mimeType, names, mimetypeEntry)) return;
  const found = typesOfFamily('zip').find(
    (type) => type.mimeType !== 'application/zip' && canBeType(type.mimeType, names, mimetypeEntry),
  );
  throw notWhatItsNameSays(name, label, found?.label ?? 'other files in a ZIP file');
}

async function readMimetypeEntry(entries: readonly ZipEntry[], read: ReadBytes): Promise<string | null> {
  const entry = entries.find((candidate) => candidate.name === 'mimetype');
  const bytes = entry === undefined ? undefined : await readStoredEntry(entry, MAX_MIMETYPE_BYTES, read);
  return bytes === undefined ? null : new TextDecoder().decode(bytes).trim();
}

/** Lenient where the directory cannot be followed: old office programs wrote much that others call broken. */
async function inspectOle(file: WholeFile, mimeType: string, name: string): Promise<void> {
  const directory = await readOleDirectory(file.read);
  if (directory === undefined) return;
  if (directory.isInstaller) throw forbidden(name, 'program');
  if (directory.names.some((entry) => OLE_MACRO_STORAGES.has(entry))) throw forbidden(name, 'macro');
  const found = oleTypes(directory);
  if (found.length > 0 && OLE_STREAMS.has(mimeType) && !found.includes(mimeType)) {
    throw notWhatItsNameSays(name, typeNamed(mimeType)?.label ?? 'that document', typeNamed(found[0] ?? '')?.label);
  }
}

/** More than one where documents are embedded in each other. */
function oleTypes(directory: OleDirectory): string[] {
  return [...OLE_STREAMS]
    .filter(([, streams]) => streams.some((stream) => directory.names.includes(stream)))
    .map(([type]) => type);
}
