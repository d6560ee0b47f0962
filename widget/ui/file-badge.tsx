/** What kind of file it is, as a small coloured sheet with its extension. */

type Kind = 'image' | 'video' | 'audio' | 'pdf' | 'document' | 'sheet' | 'slides' | 'archive' | 'text' | 'other';

const KINDS: [RegExp, Kind][] = [
  [/^image\//, 'image'],
  [/^video\//, 'video'],
  [/^audio\//, 'audio'],
  [/pdf$/, 'pdf'],
  [/sheet|excel|csv/, 'sheet'],
  [/presentation|powerpoint/, 'slides'],
  [/word|opendocument\.text|rtf/, 'document'],
  [/zip|compressed|tar$/, 'archive'],
  [/^text\/|json|xml/, 'text'],
];

/** Where the name has no short extension. */
const LABELS: Record<Kind, string> = {
  image: 'img',
  video: 'vid',
  audio: 'aud',
  pdf: 'pdf',
  document: 'doc',
  sheet: 'xls',
  slides: 'ppt',
  archive: 'zip',
  text: 'txt',
  other: 'file',
};

const MAX_EXTENSION_CHARACTERS = 4;

/** Decoration: name and size stand beside it as text. */
export function FileBadge({ name, type }: { name: string; type: string }) {
  const kind = KINDS.find(([pattern]) => pattern.test(type))?.[1] ?? 'other';
  return (
    <span class="badge" data-kind={kind} aria-hidden="true">
      {extensionOf(name) ?? LABELS[kind]}
    </span>
  );
}

function extensionOf(name: string): string | null {
  const extension = /\.([a-z0-9]+)$/i.exec(name)?.[1];
  return extension && extension.length <= MAX_EXTENSION_CHARACTERS ? extension : null;
}
