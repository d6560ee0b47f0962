/** tus concatenation: what an upload was created as, and which partial uploads a final one is made of. */
import type { Knex } from 'knex';

export async function up(knex: Knex): Promise<void> {
  await knex.schema.alterTable('uploads', (table) => {
    // The header as it was sent: `partial`, or `final;` and the URLs.
    table.text('upload_concat');
  });
  await knex.schema.createTable('upload_parts', (table) => {
    table.string('final_id', 32).notNullable().references('id').inTable('uploads').onDelete('CASCADE');
    table.integer('position').notNullable();
    table.string('partial_id', 32).notNullable();
    table.primary(['final_id', 'position']);
    table.index(['partial_id']);
  });
}

export async function down(knex: Knex): Promise<void> {
  await knex.schema.dropTable('upload_parts');
  // Without the column they would pass for uploads of their own.
  await knex('uploads').whereNotNull('upload_concat').whereNot({ state: 'finished' }).delete();
  await knex.raw('alter table uploads drop column upload_concat');
}
