/** Where `crashing-server.ts` can kill itself. */

/** In the order in which an upload passes them. */
export const CRASH_POINTS = [
  'after the last byte, before the fsync',
  'after the fsync',
  'after the bytes are final',
  'inside the transaction',
  'after the commit, before the answer',
  'after the answer, before the event',
] as const;
/** Those that a final upload passes, which is joined of partial ones. */
export const JOIN_CRASH_POINTS = [
  'in the middle of the join',
  'after the join',
  'after the bytes are final',
  'inside the transaction',
  'after the commit, before the answer',
  'after the answer, before the event',
] as const;
/** Those that a file passes whose bytes come whole in one small body. */
export const SMALL_CRASH_POINTS = [
  'before the bytes are put',
  'with half of the bytes put',
  'after the bytes are put',
  'inside the transaction',
  'after the commit, before the answer',
  'after the answer, before the event',
] as const;
/** Those that a picture passes: it is written without its metadata, and then its thumbnail is. */
export const PICTURE_CRASH_POINTS = [
  'before the metadata is gone',
  'after the metadata is gone',
  'before the thumbnail is written',
  'after the thumbnail is written',
] as const;
/** Those that the deletion of a company with some hundred files passes. */
export const DELETION_CRASH_POINTS = [
  'in the second page of a deletion',
  'after a removed object, before that is noted',
] as const;
export type CrashPoint = (
  | typeof CRASH_POINTS
  | typeof JOIN_CRASH_POINTS
  | typeof SMALL_CRASH_POINTS
  | typeof PICTURE_CRASH_POINTS
  | typeof DELETION_CRASH_POINTS
)[number];
