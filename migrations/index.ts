/** The ordered list of migrations: a list, not a directory scan, so that it bundles. Append only. */
import type { Knex } from 'knex';
import * as uploadsAndFiles from './0001-uploads-and-files.ts';
import * as concatenation from './0002-concatenation.ts';
import * as chores from './0004-chores.ts';

export type Migration = { up(knex: Knex): Promise<void>; down(knex: Knex): Promise<void> };

/** Name → migration, oldest first. A name that was released is never changed. */
export const MIGRATIONS: ReadonlyMap<string, Migration> = new Map<string, Migration>([
  ['0001-uploads-and-files', uploadsAndFiles],
  ['0002-concatenation', concatenation],
  ['0004-chores', chores],
]);
