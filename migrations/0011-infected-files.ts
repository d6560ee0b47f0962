/** Files in which a virus was found: which bytes are known to be bad, and who brought them. */
import type { Knex } from 'knex';

export async function up(knex: Knex): Promise<void> {
  await knex.schema.createTable('known_bad_files', (table) => {
    table.string('sha256', 64).primary();
    table.bigInteger('size').notNullable();
    table.text('signature').notNullable();
    table.bigInteger('found_at').notNullable();
    // Whether anything bad of this size is known is asked for every file.
    table.index(['size']);
  });
  await knex.schema.createTable('infections', (table) => {
    table.bigIncrements('id');
    // Each upload once, however often its finish is repeated.
    table.string('upload_id', 32).notNullable().unique();
    // Set where the file had been shared before it was found.
    table.bigInteger('file_id');
    table.string('company_id', 64).notNullable();
    table.string('session_id', 64).notNullable();
    table.string('uploader', 16).notNullable();
    table.text('subject');
    table.text('name').notNullable();
    table.string('sha256', 64).notNullable();
    table.bigInteger('size').notNullable();
    table.text('signature').notNullable();
    table.bigInteger('found_at').notNullable();
    table.index(['company_id', 'id']);
    table.index(['found_at']);
  });
}

export async function down(knex: Knex): Promise<void> {
  await knex.schema.dropTable('infections');
  await knex.schema.dropTable('known_bad_files');
}
