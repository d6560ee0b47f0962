/** The triggers that each small file runs, without what it has no use for: half of what its row in `uploads` cost was theirs. */
import type { Knex } from 'knex';
import { createUploadAdded } from './0003-company-usage.ts';
import { createSessionBeginning } from './0005-session-activity.ts';
import { createMoveByNews } from './0012-pictures.ts';
import { createDailyBytes } from './0013-company-policies.ts';
import { createTrigger, dropTrigger } from './triggers.ts';

/**
 * The same sum as migration 0013's, of the states one by one: SQLite makes a table of a list of three, each time. Nor is there a
 * pattern, since only a final upload has to be known.
 */
export const countedOf = (row: 'new' | 'old') => `(case
  when ${row}.state = 'open' or ${row}.state = 'finishing' or ${row}.state = 'joined' then ${row}.reserved_bytes
  when ${row}.state <> 'finished' then 0
  when ${row}.upload_concat is null then coalesce(${row}.size, 0)
  when substr(${row}.upload_concat, 1, 6) = 'final;' then ${row}.reserved_bytes
  else coalesce(${row}.size, 0) end)`;

export async function up(knex: Knex): Promise<void> {
  for (const [name, table] of REPLACED) await dropTrigger(knex, name, table);
  // What was never unfinished holds nothing: its file has a row of its own.
  await createTrigger(
    knex,
    'company_usage_upload_added',
    'uploads',
    'after insert',
    `
      insert into company_usage (company_id, bytes) values (new.company_id, new.reserved_bytes)
      on conflict (company_id) do update set bytes = company_usage.bytes + excluded.bytes;`,
    `new.state = 'open' or new.state = 'finishing'`,
  );
  await createDailyBytes(knex, countedOf);
  await createSessionBeginningOnce(knex);
  await createMoveOnce(knex);
}

/** What is as late already is not written again: it stands in an index. */
export async function createMoveOnce(knex: Knex, when = "new.type <> 'file_updated'"): Promise<void> {
  await createTrigger(
    knex,
    'ledger_moves_session',
    'ledger',
    'after insert',
    `
      update chat_sessions set last_activity_at = new.created_at
        where company_id = new.company_id and session_id = new.session_id and last_activity_at < new.created_at;`,
    when,
  );
}

/** What is as late already, or behind by no more than `behindMs`, is not written again: it stands in an index. */
export async function createSessionBeginningOnce(
  knex: Knex,
  when = "new.session_id <> ''",
  behindMs = 0,
): Promise<void> {
  const latest = behindMs === 0 ? 'excluded.last_activity_at' : `excluded.last_activity_at - ${behindMs}`;
  await createTrigger(
    knex,
    'uploads_begin_session',
    'uploads',
    'after insert',
    `
      insert into chat_sessions (company_id, session_id, created_at, last_activity_at)
        values (new.company_id, new.session_id, new.created_at, new.created_at)
        on conflict (company_id, session_id) do update set last_activity_at = excluded.last_activity_at
        where chat_sessions.last_activity_at < ${latest};`,
    when,
  );
}

export async function down(knex: Knex): Promise<void> {
  for (const [name, table] of REPLACED) await dropTrigger(knex, name, table);
  await createUploadAdded(knex);
  await createDailyBytes(knex);
  await createSessionBeginning(knex);
  await createMoveByNews(knex);
}

const REPLACED = [
  ['company_usage_upload_added', 'uploads'],
  ['daily_bytes_upload_added', 'uploads'],
  ['daily_bytes_upload_changed', 'uploads'],
  ['uploads_begin_session', 'uploads'],
  ['ledger_moves_session', 'ledger'],
] as const;
