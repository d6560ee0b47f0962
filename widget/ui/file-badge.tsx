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

const MAX_EXTENSION_CHARACTERS = 4;

/** Decoration: name and type stand beside it as text. */
export function FileBadge({ name, type }: { name: string; type: string }) {
  const kind = kindOf(type);
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
