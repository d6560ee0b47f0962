/** Which types a list of allowed types lets in: exact types, `image/*`, and `*`. */
import { bareType, typeNamed } from './file-types.ts';

/** A type or subtype as RFC 6838 section 4.2 restricts it. */
const NAME = '[a-z0-9][a-z0-9!#$&^_.+-]{0,126}';
const PATTERN = new RegExp(`^(?:\\*|\\*/\\*|${NAME}/(?:\\*|${NAME}))$`, 'i');

/**
 * Whether the type is on the list. Aliases count as the type they name, on both sides (`image/jpg` lets `image/jpeg` in).
 * Says nothing of what is refused under every setting: see forbidden-types.ts.
 */
export function isTypeAllowed(mimeType: string, allowed: readonly string[]): boolean {
  const type = canonical(mimeType);
  return allowed.some((entry) => matches(type, bareType(entry)));
}

/** Whether one entry of the setting can be understood: `type/subtype`, `type/*` or `*`, in any case, without parameters. */
export function isTypePattern(entry: string): boolean {
  return PATTERN.test(entry);
}

function matches(type: string, entry: string): boolean {
  if (entry === '*' || entry === '*/*') return true;
  if (entry.endsWith('/*')) return type.startsWith(entry.slice(0, -1));
  return type === canonical(entry);
}

function canonical(mimeType: string): string {
  return typeNamed(mimeType)?.mimeType ?? bareType(mimeType);
}
