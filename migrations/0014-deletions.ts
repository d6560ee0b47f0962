/** Receipts of what was deleted, and which of them each object and each unfinished upload's bytes still keep open. */
import type { Knex } from 'knex';

export async function up(knex: Knex): Promise<void> {
  await knex.schema.createTable('deletions', (table) => {
    table.bigIncrements('id');
    table.string('kind', 16).notNullable();
    table.string('company_id', 64).notNullable();
    table.string('session_id', 64);
    table.bigInteger('file_id');
    table.string('requested_by', 16).notNullable();
    table.text('requester');
    table.bigInteger('requested_at').notNullable();
    // What came later stays.
    table.bigInteger('through_file_id').notNullable();
    table.bigInteger('files').notNullable().defaultTo(0);
    table.bigInteger('bytes').notNullable().defaultTo(0);
    table.bigInteger('uploads').notNullable().defaultTo(0);
    table.bigInteger('rows_done_at');
    table.bigInteger('completed_at');
    // Until the ledger has been forgotten up to there.
    table.bigInteger('ledger_through');
    table.integer('attempts').notNullable().defaultTo(0);
    table.bigInteger('next_attempt_at').notNullable().defaultTo(0);
    table.text('last_error');
    table.index(['company_id', 'id']);
  });
  // Nearly all are done, so these indexes are nearly empty.
  await knex.raw('create index deletions_due on deletions (next_attempt_at) where completed_at is null');
  await knex.raw('create index deletions_with_ledger on deletions (completed_at) where ledger_through is not null');
  for (const table of ['removed_objects', 'uploads']) {
    await knex.raw(`alter table ${table} add column deletion_id bigint`);
    await knex.raw(`create index ${table}_of_deletion on ${table} (deletion_id) where deletion_id is not null`);
  }
  await knex.raw('create index chat_files_by_age on chat_files (company_id, uploader, created_at)');
}

export async function down(knex: Knex): Promise<void> {
  await knex.raw('drop index chat_files_by_age');
  for (const table of ['removed_objects', 'uploads']) {
    await knex.raw(`drop index ${table}_of_deletion`);
    await knex.raw(`alter table ${table} drop column deletion_id`);
  }
  await knex.schema.dropTable('deletions');
}
