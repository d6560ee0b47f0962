/** What an upload that lives for a moment costs: on SQLite its row is in one tree instead of two, and it moves its chat's entry less often. */
import type { Knex } from 'knex';
import { createSessionBeginningOnce } from './0023-cheaper-triggers.ts';
import { rebuild } from './0025-counted-chats.ts';
import { dropTrigger } from './triggers.ts';

/**
 * The list of chats is in the order of their last activity, to the moment where that is a file. An upload that begins within a
 * second of what the chat's row says leaves it: its file will change it, and the entry in the index is moved once instead of twice.
 */
const BEHIND_MS = 1000;
const BEGINS = "new.state <> 'finished' and new.session_id <> ''";

export async function up(knex: Knex): Promise<void> {
  await dropTrigger(knex, 'uploads_begin_session', 'uploads');
  await createSessionBeginningOnce(knex, BEGINS, BEHIND_MS);
  await rebuildUploads(knex, (sql) => `${sql} without rowid`);
}

export async function down(knex: Knex): Promise<void> {
  await rebuildUploads(knex, (sql) => sql.replace(/ without rowid$/i, ''));
  await dropTrigger(knex, 'uploads_begin_session', 'uploads');
  await createSessionBeginningOnce(knex, BEGINS);
}

/** The parts of an upload go with it, also where its table does: they are put back afterwards. */
async function rebuildUploads(knex: Knex, made: (sql: string) => string): Promise<void> {
  if (knex.client.dialect === 'postgresql') return;
  await knex.raw('create table parts_kept as select * from upload_parts');
  await knex.raw('delete from upload_parts');
  await rebuild(knex, 'uploads', made);
  await knex.raw('insert into upload_parts select * from parts_kept');
  await knex.raw('drop table parts_kept');
}
