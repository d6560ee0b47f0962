/** Faults of the chores, and quick ways to uploads whose bytes could not be deleted yet and to a thumbnail's file. */
import type { Knex } from 'knex';

export async function up(knex: Knex): Promise<void> {
  await knex.schema.createTable('chores', (table) => {
    table.string('name', 64).primary();
    // In a row; 0 once it works again.
    table.integer('failures').notNullable().defaultTo(0);
    table.integer('failures_total').notNullable().defaultTo(0);
    table.text('last_error');
    table.bigInteger('last_failed_at').notNullable();
    table.bigInteger('next_attempt_at').notNullable();
  });
  // Nearly all rows have no error, so the index is nearly empty.
  await knex.raw('create index uploads_with_error on uploads (next_attempt_at) where last_error is not null');
  await knex.raw('create index chat_files_by_thumbnail on chat_files (thumbnail) where thumbnail is not null');
}

export async function down(knex: Knex): Promise<void> {
  await knex.raw('drop index chat_files_by_thumbnail');
  await knex.raw('drop index uploads_with_error');
  await knex.schema.dropTable('chores');
}
