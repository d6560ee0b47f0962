/** How many files a chat has, kept in its row; and on SQLite one tree instead of two for what each small file goes through. */
import type { Knex } from 'knex';
import { createCounting } from './0021-statistics.ts';
import { createTrigger, dropTrigger } from './triggers.ts';

/** The one change of the chat's row that a file makes: `ledger_moves_session` finds it as late as it would make it. */
const COUNT_FILE = `
      update chat_sessions set files = files + 1, first_file_at = coalesce(first_file_at, new.created_at),
        last_activity_at = case when last_activity_at < new.created_at then new.created_at else last_activity_at end
        where id = new.chat_session_id;`;

export async function up(knex: Knex): Promise<void> {
  await knex.raw('alter table chat_sessions add column files bigint not null default 0');
  // A chat without files is not written.
  await knex.raw(`
    update chat_sessions set files = counted.files
    from (select chat_session_id, count(*) as files from chat_files group by chat_session_id) as counted
    where counted.chat_session_id = chat_sessions.id`);
  await dropTrigger(knex, 'statistics_file_added', 'chat_files');
  await createCounting(knex, 'statistics_file_added', null, COUNT_FILE);
  await createTrigger(
    knex,
    'statistics_file_uncounted',
    'chat_files',
    'after delete',
    'update chat_sessions set files = files - 1 where id = old.chat_session_id;',
  );
  // What is old is found from each company's first entry.
  await knex.schema.alterTable('ledger', (table) => table.dropIndex(['created_at']));
  for (const table of KEYED) await rebuild(knex, table, (sql) => `${sql} without rowid`);
}

export async function down(knex: Knex): Promise<void> {
  for (const table of KEYED) await rebuild(knex, table, (sql) => sql.replace(/ without rowid$/i, ''));
  await knex.schema.alterTable('ledger', (table) => table.index(['created_at']));
  await dropTrigger(knex, 'statistics_file_uncounted', 'chat_files');
  await dropTrigger(knex, 'statistics_file_added', 'chat_files');
  await createCounting(knex, 'statistics_file_added');
  await knex.raw('alter table chat_sessions drop column files');
}

/** SQLite keeps the rows of these in one tree, by rowid, and their keys in a second: as long as nobody says otherwise. */
const KEYED = [
  ...['ledger', 'ledger_counters', 'removed_objects', 'company_usage', 'company_days', 'company_statistics'],
  'stored_weeks',
];

/**
 * The same table with the same rows, made by another statement. Nothing is renamed, since SQLite would then change the triggers
 * of other tables that name it; and no row of another table may refer to it then, since they would go with it.
 */
export async function rebuild(knex: Knex, table: string, made: (sql: string) => string): Promise<void> {
  if (knex.client.dialect === 'postgresql') return;
  const parts: { type: string; sql: string }[] = await knex('sqlite_master')
    .where({ tbl_name: table })
    .whereNotNull('sql')
    .select('type', 'sql');
  await knex.raw(`create table rows_kept as select * from ${table}`);
  await knex.raw(`drop table ${table}`);
  for (const { type, sql } of parts) if (type === 'table') await knex.raw(made(sql));
  await knex.raw(`insert into ${table} select * from rows_kept`);
  await knex.raw('drop table rows_kept');
  for (const { type, sql } of parts) if (type !== 'table') await knex.raw(sql);
}
