/** Previews that are owed, and uploads whose bytes were checked as they came, before metadata was taken out of them. */
import type { Knex } from 'knex';
import { createTrigger, dropTrigger } from './triggers.ts';

const LATER_IN_SESSION = `
      update chat_sessions
        set last_activity_at = case when last_activity_at < new.created_at then new.created_at else last_activity_at end
        where company_id = new.company_id and session_id = new.session_id;`;

export async function up(knex: Knex): Promise<void> {
  await knex.schema.createTable('preview_jobs', (table) => {
    table.bigInteger('file_id').primary().references('id').inTable('chat_files').onDelete('CASCADE');
    // Noted before the bytes are written there, so that a retry writes to the same place.
    table.string('thumbnail_key', 255).unique();
    table.integer('attempts').notNullable().defaultTo(0);
    table.bigInteger('next_attempt_at').notNullable().defaultTo(0);
    table.text('last_error');
    table.string('lease_token', 64);
    table.bigInteger('lease_until');
    // There will be no preview: last_error says why.
    table.bigInteger('ended_at');
  });
  await knex.raw('create index preview_jobs_owed on preview_jobs (next_attempt_at) where ended_at is null');
  // The bytes follow the row here too. Where the job is done they belong to the file.
  await createTrigger(
    knex,
    'preview_jobs_bytes_follow',
    'preview_jobs',
    'after delete',
    `
      insert into removed_objects (storage_key)
        select old.thumbnail_key where old.thumbnail_key is not null
          and not exists (select 1 from chat_files where thumbnail = old.thumbnail_key)
        on conflict do nothing;`,
  );
  // What was received had the announced size and hash; what is stored may be shorter by now.
  await knex.raw('alter table uploads add column received_checked boolean not null default false');
  await dropTrigger(knex, 'ledger_moves_session', 'ledger');
  await createMoveByNews(knex);
}

/** A preview is no news of a chat: agents' lists keep their order. */
export async function createMoveByNews(knex: Knex): Promise<void> {
  await createTrigger(
    knex,
    'ledger_moves_session',
    'ledger',
    'after insert',
    LATER_IN_SESSION,
    "new.type <> 'file_updated'",
  );
}

export async function down(knex: Knex): Promise<void> {
  await dropTrigger(knex, 'ledger_moves_session', 'ledger');
  await createTrigger(knex, 'ledger_moves_session', 'ledger', 'after insert', LATER_IN_SESSION);
  await knex.raw('alter table uploads drop column received_checked');
  await dropTrigger(knex, 'preview_jobs_bytes_follow', 'preview_jobs');
  await knex.schema.dropTable('preview_jobs');
}
