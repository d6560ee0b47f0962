/** What a ZIP file is by the names in it: a program in disguise, an office document of some kind, or just files. */
import type { ForbiddenKind } from './forbidden-types.ts';

const OPEN_XML_FOLDERS = { word: 'word/', excel: 'xl/', powerpoint: 'ppt/' } as const;
const ODF = 'application/vnd.oasis.opendocument.';
const OPEN_XML = 'application/vnd.openxmlformats-officedocument.';

/** A name that only one kind of program package has, at the root of the ZIP file. */
const PROGRAM_ENTRIES: readonly RegExp[] = [
  /^androidmanifest\.xml$/, // apk
  /^classes\d*\.dex$/, // apk
  /^base\/manifest\/androidmanifest\.xml$/, // aab
  /^payload\/[^/]+\.app\//, // ipa
  /^appxmanifest\.xml$/, // appx, msix
  /^appxmetadata\/appxbundlemanifest\.xml$/, // their bundles
  /^extension\.vsixmanifest$/, // vsix
  /^meta-inf\/mozilla\.rsa$/, // xpi
  /^install\.rdf$/, // old xpi
  /^web-inf\/web\.xml$/, // war
];

/**
 * A macro project inside a document: Open XML's is one binary part, OpenDocument's are modules in its Basic and Scripts
 * folders (the `script-lb` and `script-lc` lists there are empty shelves that every document may have).
 */
const MACRO_ENTRIES: readonly RegExp[] = [
  /^(?:word|xl|ppt|visio)\/(?:[^/]+\/)*vbaproject\.bin$/,
  /^xl\/(?:intl)?macrosheets\//, // of Excel 4
  /^basic\/[^/]+\/(?!(?:script|dialog)-l[bc]\.xml$)[^/]+\.xml$/,
  /^scripts\/(?:python|javascript|beanshell|java)\/.*[^/]$/,
];

/** In OpenDocument files under a password, as LibreOffice 24 and later write them. */
export const ENCRYPTED_DOCUMENT_ENTRY = 'encrypted-package';

/** The kind of forbidden package that these entries (lower case, `/` between folders) make; undefined for all others. */
export function forbiddenPackage(names: readonly string[]): ForbiddenKind | undefined {
  if (names.some((name) => PROGRAM_ENTRIES.some((entry) => entry.test(name)))) return 'program';
  const isJar = names.includes('meta-inf/manifest.mf') && names.some((name) => /\.(?:class|jar|war|dex)$/.test(name));
  if (isJar) return 'program';
  return names.some((name) => MACRO_ENTRIES.some((entry) => entry.test(name))) ? 'macro' : undefined;
}

/**
 * Whether entries with these names can be a document of this type. `mimetypeEntry` is the text of the entry `mimetype`
 * (OpenDocument 1.3 part 2, section 3.3; EPUB 3.3, section 4.3.1), null when there is none that can be read.
 */
export function canBeType(mimeType: string, names: readonly string[], mimetypeEntry: string | null): boolean {
  if (mimeType.startsWith(ODF) || mimeType === 'application/epub+zip') return mimetypeEntry === mimeType;
  const folder = openXmlFolder(mimeType);
  if (folder !== undefined)
    return names.includes('[content_types].xml') && names.some((name) => name.startsWith(folder));
  if (mimeType.startsWith('application/vnd.apple.')) {
    return names.some(
      (name) => name === 'index.zip' || name.startsWith('index/') || name === 'index.xml' || name === 'index.apxl',
    );
  }
  return true;
}

function openXmlFolder(mimeType: string): string | undefined {
  if (mimeType.startsWith(`${OPEN_XML}wordprocessingml.`)) return OPEN_XML_FOLDERS.word;
  if (mimeType.startsWith(`${OPEN_XML}spreadsheetml.`)) return OPEN_XML_FOLDERS.excel;
  if (mimeType.startsWith(`${OPEN_XML}presentationml.`)) return OPEN_XML_FOLDERS.powerpoint;
  return undefined;
}
