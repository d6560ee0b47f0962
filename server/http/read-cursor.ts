/** A cursor that is the id of a row: of the last one that was shown. */
import { Failure } from '../rules/failure.ts';

/** Null: from the first page. @throws {Failure} `invalid-request` */
export function readCursor(cursor: string | undefined): number | null {
  if (cursor === undefined) return null;
  if (!/^\d{1,15}$/.test(cursor))
    throw new Failure('invalid-request', 'This cursor is not one of ours. Start from the first page.');
  return Number(cursor);
}
