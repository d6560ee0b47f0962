/** All files of a company in order: an agent looks through them, whatever their session. */
import type { Knex } from 'knex';

export async function up(knex: Knex): Promise<void> {
  // Holds all that a list can be filtered by: of 100,000 files only those that are shown are read from the table.
  await knex.schema.alterTable('chat_files', (table) => {
    table.index(['company_id', 'id', 'mime_type', 'uploader', 'search_name'], 'chat_files_of_company');
  });
}

export async function down(knex: Knex): Promise<void> {
  await knex.raw('drop index chat_files_of_company');
}
