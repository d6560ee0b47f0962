/** What each company holds in bytes, kept true by triggers; what each unfinished upload reserves of it. */
import type { Knex } from 'knex';
import { createTrigger, dropTrigger } from './triggers.ts';

/** What a row of `uploads` adds to its company: nothing once it has ended, its file has a row of its own then. */
const heldBy = (row: 'new' | 'old') =>
  `(case when ${row}.state in ('open', 'finishing') then ${row}.reserved_bytes else 0 end)`;
/** Event, table, condition, whose row, bytes. Their names begin before those of other triggers on the same rows: see triggers.ts. */
const TRIGGERS: Record<string, [event: string, table: string, when: string | null, row: 'new' | 'old', bytes: string]> =
  {
    company_usage_upload_added: ['after insert', 'uploads', null, 'new', heldBy('new')],
    company_usage_upload_changed: [
      'after update of state, reserved_bytes',
      'uploads',
      `${heldBy('new')} <> ${heldBy('old')}`,
      'new',
      `${heldBy('new')} - ${heldBy('old')}`,
    ],
    company_usage_upload_deleted: ['after delete', 'uploads', null, 'old', `-${heldBy('old')}`],
    company_usage_file_added: ['after insert', 'chat_files', null, 'new', 'new.size'],
    company_usage_file_changed: ['after update of size', 'chat_files', null, 'new', 'new.size - old.size'],
    company_usage_file_deleted: ['after delete', 'chat_files', null, 'old', '-old.size'],
  };

export async function up(knex: Knex): Promise<void> {
  await knex.schema.alterTable('uploads', (table) => {
    table.bigInteger('reserved_bytes').notNullable().defaultTo(0);
  });
  await knex('uploads')
    .whereIn('state', ['open', 'finishing'])
    .update({ reserved_bytes: knex.raw('coalesce(size, bytes_received)') });
  await knex.schema.createTable('company_usage', (table) => {
    table.string('company_id', 64).primary();
    table.bigInteger('bytes').notNullable();
  });
  await knex.raw(`
    insert into company_usage (company_id, bytes)
    select company_id, sum(bytes) from (
      select company_id, size as bytes from chat_files
      union all select company_id, reserved_bytes from uploads where state in ('open', 'finishing')
    ) as held group by company_id`);
  // By triggers, so that it also holds for the cascade of a deleted session, and for whoever deletes rows by SQL.
  for (const name of Object.keys(TRIGGERS)) await createCounting(knex, name);
  // A visitor's are found by their session. An agent's would be looked for in all uploads of the company.
  await knex.raw(`
    create index uploads_unfinished_of_agents on uploads (company_id, subject)
    where uploader = 'agent' and state in ('open', 'finishing')`);
}

export const createUploadAdded = (knex: Knex): Promise<void> => createCounting(knex, 'company_usage_upload_added');

async function createCounting(knex: Knex, name: string): Promise<void> {
  const [event, table, when, row, bytes] = TRIGGERS[name] as (typeof TRIGGERS)[string];
  await createTrigger(
    knex,
    name,
    table,
    event,
    `
        insert into company_usage (company_id, bytes) values (${row}.company_id, ${bytes})
        on conflict (company_id) do update set bytes = company_usage.bytes + excluded.bytes;`,
    when,
  );
}

export async function down(knex: Knex): Promise<void> {
  for (const [name, [, table]] of Object.entries(TRIGGERS)) await dropTrigger(knex, name, table);
  await knex.raw('drop index uploads_unfinished_of_agents');
  await knex.schema.dropTable('company_usage');
  await knex.raw('alter table uploads drop column reserved_bytes');
}
