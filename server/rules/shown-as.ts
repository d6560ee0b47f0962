/** How a stored file is answered: what it is called to be, and whether a browser may open it. One decision for links and bytes. */
import { INLINE_TYPES } from './file-types.ts';
import type { Disposition } from './signed-link.ts';

/** `wanted` is what the link or the caller asks for: only what cannot run is ever opened in place. */
export function shownAs(mimeType: string, wanted: Disposition): { contentType: string; disposition: Disposition } {
  return {
    // Without a charset a browser would guess one, and could be made to guess wrong.
    contentType: mimeType.startsWith('text/') ? `${mimeType}; charset=utf-8` : mimeType,
    disposition: INLINE_TYPES.includes(mimeType) ? wanted : 'attachment',
  };
}
