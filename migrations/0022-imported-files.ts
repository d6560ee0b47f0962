/** Which rows of another service became files here, so that an import can be repeated and brings nothing twice. */
import type { Knex } from 'knex';

export async function up(knex: Knex): Promise<void> {
  await knex.schema.createTable('imported_files', (table) => {
    table.string('source', 64).notNullable();
    table.string('source_id', 64).notNullable();
    // What the file's row gets as its upload: noted first, so that a second try is the same one.
    table.string('upload_id', 32).notNullable();
    // Where its bytes are going; null before the first try, and once the file's own row knows it.
    table.string('storage_key', 255).unique();
    // No reference: what was removed from its chat since does not come back with the next import.
    table.bigInteger('file_id');
    table.primary(['source', 'source_id']);
  });
}

export async function down(knex: Knex): Promise<void> {
  await knex.schema.dropTable('imported_files');
}
