/** Makes one type of what a file is called, what it is declared as, and what its bytes are; or finds that they disagree. */
import type { Detected } from './detect-type.ts';
import { notWhatItsNameSays, notWhatWasDeclared } from './refusals.ts';
import type { Stated } from './stated-types.ts';
import type { FileType } from './type-table.ts';

/** A type of our table, or the bare name of one that is not in it. */
export type AgreedType = Pick<FileType, 'mimeType'> & Partial<FileType>;

/**
 * The type on which all agree. Several types of a family can share an extension (`.webm`, `.ogg`, `.3gp`): then it is the
 * declared one, else what the bytes are likeliest to be; unless the bytes themselves decide. An extension or declared
 * type that we do not know cannot disagree. Throws `Failure('type-mismatch')`; whether the type is allowed is for the caller to ask.
 */
export function agreeOnType(name: string, stated: Stated, detected: Detected): AgreedType {
  const { candidates, isExact } = detected;
  refuseMismatch(name, stated, candidates);
  if (isExact && candidates[0] !== undefined) return candidates[0];
  const named = candidates.filter((type) => stated.byExtension.includes(type));
  const pool = named.length > 0 ? named : candidates;
  const declared = stated.byDeclaration.find((type) => pool.includes(type));
  return declared ?? pool[0] ?? { mimeType: detected.mimeType };
}

function refuseMismatch(name: string, stated: Stated, candidates: readonly FileType[]): void {
  const found = candidates[0]?.label;
  const [named] = stated.byExtension;
  if (named !== undefined && !overlap(stated.byExtension, candidates)) {
    throw notWhatItsNameSays(name, named.label, found);
  }
  const [declared] = stated.byDeclaration;
  if (declared !== undefined && !overlap(stated.byDeclaration, candidates)) {
    throw notWhatWasDeclared(name, declared.label, found);
  }
}

function overlap(some: readonly FileType[], others: readonly FileType[]): boolean {
  return some.some((type) => others.includes(type));
}
