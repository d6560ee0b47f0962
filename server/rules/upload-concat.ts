/** Partial and final uploads, told apart by their `Upload-Concat` as it was sent. */

/** Null: an upload of its own, the usual case. */
type Concat = { concat: string | null };

/** A chunk of a file, to become part of a final upload: it makes no file, no event, and has no name. */
export function isPartial({ concat }: Concat): boolean {
  return concat === 'partial';
}

/** An upload that is made of partial ones, and gets no bytes itself. */
export function isFinal({ concat }: Concat): boolean {
  return concat?.startsWith('final;') ?? false;
}
