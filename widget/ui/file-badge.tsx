/** What kind of file it is, as a small coloured sheet with its extension. */
import { type Kind, kindOf } from './file-kind.ts';

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

/** What is on its way has no type yet, only a name. */
const EXTENSIONS: [RegExp, Kind][] = [
  [/^(jpe?g|png|gif|webp|avif|bmp|hei[cf]|tiff?)$/, 'image'],
  [/^(mp4|m4v|mov|webm|mkv|avi|3gp)$/, 'video'],
  [/^(mp3|m4a|weba|wav|ogg|opus|aac|flac|amr)$/, 'audio'],
  [/^pdf$/, 'pdf'],
  [/^(docx?|odt|rtf)$/, 'document'],
  [/^(xlsx?|ods|csv)$/, 'sheet'],
  [/^(pptx?|odp)$/, 'slides'],
  [/^zip$/, 'archive'],
];
const MAX_EXTENSION_CHARACTERS = 4;

/** Decoration: name and type stand beside it as text. Without a `type` the name's extension gives the colour. */
export function FileBadge({ name, type }: { name: string; type: string }) {
  const extension = extensionOf(name);
  const kind = type === '' ? kindByExtension(extension) : kindOf(type);
  return (
    <span class="badge" data-kind={kind} aria-hidden="true">
      {extension ?? LABELS[kind]}
    </span>
  );
}

function kindByExtension(extension: string | null): Kind {
  return EXTENSIONS.find(([pattern]) => pattern.test(extension?.toLowerCase() ?? ''))?.[1] ?? 'other';
}

function extensionOf(name: string): string | null {
  const extension = /\.([a-z0-9]+)$/i.exec(name)?.[1];
  return extension && extension.length <= MAX_EXTENSION_CHARACTERS ? extension : null;
}
