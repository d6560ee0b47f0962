/** A small file's upload ends in the file's own row: what may still be asked of it stands there, and `uploads` has no second one. */
import type { Knex } from 'knex';
import { createDailyBytes } from './0013-company-policies.ts';
import { createCounting } from './0021-statistics.ts';
import { countedOf, createSessionBeginningOnce } from './0023-cheaper-triggers.ts';
import { createTrigger, dropTrigger } from './triggers.ts';

const DAY_MS = 86_400_000;
/** Of a file whose upload has no row of its own. Its size is as it was announced and came: what is stored may be shorter. */
const COLUMNS = {
  upload_size: 'bigint',
  upload_subject: 'text',
  upload_metadata: 'text',
  upload_expires_at: 'bigint',
  upload_ended_at: 'bigint',
};

/** What was open before is counted already: its row is there until the file's is. */
const WAS_NOT_OPEN = 'not exists (select 1 from uploads where id = new.upload_id)';

export async function up(knex: Knex): Promise<void> {
  for (const [name, type] of Object.entries(COLUMNS))
    await knex.raw(`alter table chat_files add column ${name} ${type}`);
  for (const [name, table] of REPLACED) await dropTrigger(knex, name, table);
  // A row that begins as finished is what a deleted file leaves, and begins nothing.
  await createSessionBeginningOnce(knex, "new.state <> 'finished' and new.session_id <> ''");
  await createCounting(knex, 'statistics_upload_begun', "new.state <> 'finished'");
  await createDailyBytes(knex, countedOf, "new.state <> 'finished'");
  // Nor is one undone that ends in its file's row.
  await createCounting(knex, 'statistics_upload_undone', `coalesce(old.upload_concat, '') <> ''`);
  // Its name comes after `company_usage`'s: whoever locks a day has locked the company before.
  await createTrigger(
    knex,
    'daily_bytes_whole_file_added',
    'chat_files',
    'after insert',
    `
      insert into company_days (company_id, day, bytes)
        select new.company_id, new.created_at / ${DAY_MS}, new.upload_size where ${WAS_NOT_OPEN}
        on conflict (company_id, day) do update set bytes = company_days.bytes + excluded.bytes;
      insert into company_statistics (company_id, day, measure, detail, total, bytes)
        select new.company_id, new.created_at / ${DAY_MS}, 'begun', '', 1, 0 where ${WAS_NOT_OPEN}
        on conflict (company_id, day, measure, detail) do update set total = company_statistics.total + excluded.total;`,
    'new.upload_size is not null',
  );
  // A client that asks for what it has sent is told so, also when the file is gone: or it would send it once more.
  await createTrigger(
    knex,
    'chat_files_leave_upload',
    'chat_files',
    'after delete',
    `
      insert into uploads (id, company_id, session_id, uploader, subject, name, size, state, mime_type, storage_key,
          bytes_received, file_id, created_at, expires_at, ended_at)
        values (old.upload_id, old.company_id, old.session_id, old.uploader, old.upload_subject, '', old.upload_size,
          'finished', old.mime_type, old.storage_key, old.upload_size, old.id, old.created_at, old.upload_expires_at,
          old.upload_ended_at)
        on conflict do nothing;`,
    'old.upload_size is not null',
  );
}

export async function down(knex: Knex): Promise<void> {
  await dropTrigger(knex, 'chat_files_leave_upload', 'chat_files');
  await dropTrigger(knex, 'daily_bytes_whole_file_added', 'chat_files');
  for (const [name, table] of REPLACED) await dropTrigger(knex, name, table);
  await knex.raw(`
    insert into uploads (id, company_id, session_id, uploader, subject, name, size, metadata, state, mime_type, storage_key,
      bytes_received, file_id, created_at, expires_at, ended_at)
    select upload_id, company_id, session_id, uploader, upload_subject, original_name, upload_size, upload_metadata, 'finished',
      mime_type, storage_key, upload_size, id, created_at, upload_expires_at, upload_ended_at
    from chat_files where upload_size is not null`);
  for (const name of Object.keys(COLUMNS)) await knex.raw(`alter table chat_files drop column ${name}`);
  await createSessionBeginningOnce(knex);
  await createCounting(knex, 'statistics_upload_begun');
  await createDailyBytes(knex, countedOf);
  await createCounting(knex, 'statistics_upload_undone');
}

const REPLACED = [
  ['uploads_begin_session', 'uploads'],
  ['daily_bytes_upload_added', 'uploads'],
  ['daily_bytes_upload_changed', 'uploads'],
  ['statistics_upload_begun', 'uploads'],
  ['statistics_upload_undone', 'uploads'],
] as const;
