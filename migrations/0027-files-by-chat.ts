/** On SQLite the files of a chat are found by its row's id, in the index that its deletion needs: a second one by names is gone. */
import type { Knex } from 'knex';
import { createMoveOnce } from './0023-cheaper-triggers.ts';
import { dropTrigger } from './triggers.ts';

/**
 * Entries of a chat stand in their own place of each index: of eight files that come together to eight chats, an index has eight
 * pages written. PostgreSQL keeps both: there the one by id has no order.
 */
export async function up(knex: Knex): Promise<void> {
  await dropTrigger(knex, 'ledger_moves_session', 'ledger');
  // A shared file has moved its chat already (migration 0025).
  await createMoveOnce(knex, "new.type = 'file_removed'");
  if (knex.client.dialect === 'postgresql') return;
  if ((await knex('chat_files').whereNull('chat_session_id').first('id')) !== undefined)
    for (const step of NAME_CHATS) await knex.raw(step);
  await knex.schema.alterTable('chat_files', (table) => table.dropIndex(BY_NAMES));
}

export async function down(knex: Knex): Promise<void> {
  if (knex.client.dialect !== 'postgresql')
    await knex.schema.alterTable('chat_files', (table) => table.index(BY_NAMES));
  await dropTrigger(knex, 'ledger_moves_session', 'ledger');
  await createMoveOnce(knex);
}

const BY_NAMES = ['company_id', 'session_id', 'id'];

/** The column may be empty. No version leaves it so, but whose file it were would not be in its chat any more. */
const NAME_CHATS = [
  `insert into chat_sessions (company_id, session_id, created_at, last_activity_at, first_file_at)
   select company_id, session_id, min(created_at), max(created_at), min(created_at) from chat_files
   where chat_session_id is null group by company_id, session_id
   on conflict do nothing`,
  `update chat_sessions set files = chat_sessions.files + found.files
   from (select company_id, session_id, count(*) as files from chat_files
     where chat_session_id is null group by company_id, session_id) as found
   where found.company_id = chat_sessions.company_id and found.session_id = chat_sessions.session_id`,
  `update chat_files set chat_session_id =
     (select id from chat_sessions
      where chat_sessions.company_id = chat_files.company_id and chat_sessions.session_id = chat_files.session_id)
   where chat_session_id is null`,
];
