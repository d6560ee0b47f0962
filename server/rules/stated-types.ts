/** What a client says of a file's type, by its name and by the type that it declares, in terms of the type table. */
import { cleanFileName, extensionOf } from './file-name.ts';
import { bareType, typesDeclaredAs, typesOfExtension } from './file-types.ts';
import { isTypePattern } from './type-patterns.ts';
import type { FileType } from './type-table.ts';

/** What a client says of a file: any name, and a media type or null. A name is cleaned here before it is judged. */
export type Declared = { name: string; declaredType: string | null };

export type Stated = {
  /** Lower case, without dot; '' when there is none. */
  extension: string;
  /** The declared type in lower case without parameters, null when nothing was said. */
  mimeType: string | null;
  /** What files with this extension can be, the likeliest first; none when we do not know it. */
  byExtension: readonly FileType[];
  /** What clients mean by this declared type; none when nothing was said or we do not know it. */
  byDeclaration: readonly FileType[];
};

/** Types that say nothing: browsers send the first for what they do not know. */
const EMPTY_STATEMENTS = new Set(['application/octet-stream', 'binary/octet-stream']);

/** Reads a client's statement. Takes any strings. */
export function statedTypes(file: Declared): Stated {
  const extension = extensionOf(cleanFileName(file.name));
  const mimeType = statedType(file.declaredType);
  return {
    extension,
    mimeType,
    byExtension: typesOfExtension(extension),
    byDeclaration: mimeType === null ? [] : typesDeclaredAs(mimeType),
  };
}

/** Android sends `image/*`, which picks nothing, and what is not a type at all is no statement either. */
function statedType(declaredType: string | null): string | null {
  const type = bareType(declaredType ?? '');
  const saysNothing = EMPTY_STATEMENTS.has(type) || type.includes('*') || !isTypePattern(type);
  return saysNothing ? null : type;
}
