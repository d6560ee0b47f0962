/** Confirms the type of a file whose bytes are all here: what only the whole of it shows, such as a ZIP file's directory. */
import { HEAD_BYTES, isOleFile } from './detect-type.ts';
import { type DecidedType, decideType, type FilePolicy } from './file-policy.ts';
import { typeNamed, typesOfFamily } from './file-types.ts';
import type { ForbiddenKind } from './forbidden-types.ts';
import { documentsIn, ENCRYPTED_PACKAGE, isEncryptedOle, MAX_DOCUMENTS, macrosInside } from './ole-documents.ts';
import { openOle } from './ole-file.ts';
import { isEncryptedPdf } from './pdf-encryption.ts';
import { pixelsOf } from './picture-pixels.ts';
import { TooManyPages } from './read-by-pages.ts';
import {
  damaged,
  encrypted,
  forbidden,
  forbiddenInside,
  notWhatItsNameSays,
  tooManyPixels,
  unsafeArchive,
} from './refusals.ts';
import type { Declared } from './stated-types.ts';
import type { ReadBytes, WholeFile } from './whole-file.ts';
import { readZipDirectory, type ZipDirectory } from './zip-directory.ts';
import { hazardInDirectory, headersAgree } from './zip-hazards.ts';
import { nestIsUnsafe } from './zip-nest.ts';
import { canBeType, ENCRYPTED_DOCUMENT_ENTRY, forbiddenPackage } from './zip-packages.ts';
import { programIn } from './zip-programs.ts';

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
 * into ZIP, old office and PDF files: programs and macros in disguise are `executable`; what is not the document that its
 * name says, and a ZIP file that cannot be read, is `type-mismatch`; a ZIP file that would harm who unpacks it is
 * `archive-refused`; what needs a password is `encrypted`, if the policy says so. Throws `Failure` as `decideType` does, and
 * whatever `read` throws. A picture of too many pixels is `file-too-large`. Unpacks the first bytes of a ZIP file's entries in memory, and nothing else; reads at most 4 MiB of directory, and the first bytes of each entry.
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
  const isOle = isOleFile(head);
  if (families.has('zip') && !isOle) await inspectZip(inside, confirmed.mimeType, declared.name, policy);
  if (families.has('ole-office') || isOle)
    await inspectOle(inside, confirmed.mimeType, declared.name, policy).catch((error) => {
      throw error instanceof TooManyPages ? unsafeArchive(declared.name, 'too-many') : error;
    });
  if (policy.refuseEncrypted && confirmed.mimeType === 'application/pdf' && (await isEncryptedPdf(inside)))
    throw encrypted(declared.name, 'a PDF');
  const maxPixels = policy.maxImagePixels;
  if (maxPixels !== undefined && confirmed.mimeType.startsWith('image/') && ((await pixelsOf(inside)) ?? 0) > maxPixels)
    throw tooManyPixels(declared.name, maxPixels);
  return confirmed;
}

/** The offsets in a file are whatever its sender wrote there: a range outside it would be an error of the store, not of the file. */
function readInside(file: WholeFile): ReadBytes {
  return async (position, lengthBytes) => {
    const length = Math.min(lengthBytes, file.sizeBytes - position);
    return position >= 0 && length > 0 ? await file.read(position, length) : new Uint8Array();
  };
}

async function inspectZip(file: WholeFile, mimeType: string, name: string, policy: FilePolicy): Promise<void> {
  const label = typeNamed(mimeType)?.label ?? 'a ZIP file';
  const directory = await readZipDirectory(file);
  if (directory === 'damaged') throw damaged(name, label);
  if (directory === 'too-many') throw unsafeArchive(name, 'too-many');
  const { entries } = directory;
  const names = entries.flatMap((entry) => entry.names);
  // What a file is comes first: “a program” says more to a person than how it is packed.
  const kind = forbiddenPackage(names);
  if (kind !== undefined) throw forbidden(name, kind);
  const hazard = hazardInDirectory(directory, file.sizeBytes);
  if (hazard !== null) throw unsafeArchive(name, hazard);
  const inside: { path: string; kind: ForbiddenKind }[] = [];
  const agree = await headersAgree(directory, async (entry, dataAt) => {
    if (mimeType !== 'application/zip' || inside.length > 0) return;
    const kind = programIn(entry, await directory.head(entry, dataAt));
    if (kind !== undefined) inside.push({ path: entry.path, kind });
  });
  if (inside[0] !== undefined) throw forbiddenInside(name, inside[0].path, inside[0].kind);
  if (!agree) throw unsafeArchive(name, 'ambiguous');
  if (await nestIsUnsafe(directory, file)) throw unsafeArchive(name, 'nested');
  if (
    policy.refuseEncrypted &&
    (entries.some(({ isEncrypted }) => isEncrypted) || names.includes(ENCRYPTED_DOCUMENT_ENTRY))
  )
    throw encrypted(name, label);
  const mimetypeEntry = await readMimetypeEntry(directory, file.read);
  if (canBeType(mimeType, names, mimetypeEntry)) return;
  const found = typesOfFamily('zip').find(
    (type) => type.mimeType !== 'application/zip' && canBeType(type.mimeType, names, mimetypeEntry),
  );
  throw notWhatItsNameSays(name, label, found?.label ?? 'other files in a ZIP file');
}

/** A document's own word on its type; null unless it is stored as it is, and short. */
async function readMimetypeEntry({ entries, localHeader }: ZipDirectory, read: ReadBytes): Promise<string | null> {
  const entry = entries.find(({ path }) => path === 'mimetype');
  if (entry === undefined || !entry.isStored || entry.packedBytes > MAX_MIMETYPE_BYTES) return null;
  const header = await localHeader(entry);
  if (header === undefined) return null;
  return new TextDecoder().decode(await read(header.fileDataStart, entry.packedBytes)).trim();
}

/** Lenient where the directory cannot be followed: old office programs wrote much that others call broken. */
async function inspectOle(file: WholeFile, mimeType: string, name: string, policy: FilePolicy): Promise<void> {
  const ole = await openOle(file);
  const type = typeNamed(mimeType);
  const label = type?.label ?? 'that document';
  const names = new Set(typeof ole === 'object' ? ole.entries.map((entry) => entry.name) : []);
  // Under a password an Open XML document is no ZIP file; without one it is nothing else.
  if (type?.family === 'zip' && !names.has(ENCRYPTED_PACKAGE))
    throw notWhatItsNameSays(name, label, 'an old office document');
  if (ole === undefined) return;
  if (ole === 'too-many' || documentsIn(ole).length > MAX_DOCUMENTS) throw unsafeArchive(name, 'too-many');
  if (ole.isInstaller) throw forbidden(name, 'program');
  if ([...OLE_MACRO_STORAGES].some((storage) => names.has(storage))) throw forbidden(name, 'macro');
  const inside = await macrosInside(ole);
  if (inside === 'macros') throw forbidden(name, 'macro');
  if (inside === 'too-many') throw unsafeArchive(name, 'too-many');
  if (policy.refuseEncrypted && (await isEncryptedOle(ole))) throw encrypted(name, label);
  const found = oleTypes(names);
  if (found.length > 0 && OLE_STREAMS.has(mimeType) && !found.includes(mimeType)) {
    throw notWhatItsNameSays(name, label, typeNamed(found[0] ?? '')?.label);
  }
}

/** More than one where documents are embedded in each other. */
function oleTypes(names: ReadonlySet<string>): string[] {
  return [...OLE_STREAMS].filter(([, streams]) => streams.some((stream) => names.has(stream))).map(([type]) => type);
}
