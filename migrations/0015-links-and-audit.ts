/** Links that can be taken back, and the record of who did what. */
import type { Knex } from 'knex';

export async function up(knex: Knex): Promise<void> {
  await knex.schema.alterTable('chat_files', (table) => {
    // Counts how often the links to a file were taken back; each link is signed with the number of its time.
    table.integer('link_epoch').notNullable().defaultTo(0);
  });
  // Who began it from where is told when the file is shared, which may be after a restart.
  await knex.schema.alterTable('uploads', (table) => {
    table.string('client_address', 64);
    table.text('client_agent');
  });
  await knex.schema.createTable('audit_entries', (table) => {
    table.bigIncrements('id');
    table.bigInteger('at').notNullable();
    table.string('company_id', 64).notNullable();
    table.string('session_id', 64);
    table.string('role', 16).notNullable();
    table.text('subject');
    table.string('action', 32).notNullable();
    // No reference: what was done to a file is known longer than the file.
    table.bigInteger('file_id');
    table.text('name');
    table.string('address', 64);
    table.text('detail');
    table.index(['company_id', 'id']);
    table.index(['company_id', 'session_id', 'id']);
    table.index(['at']);
  });
}

export async function down(knex: Knex): Promise<void> {
  await knex.schema.dropTable('audit_entries');
  await knex.raw('alter table uploads drop column client_agent');
  await knex.raw('alter table uploads drop column client_address');
  await knex.raw('alter table chat_files drop column link_epoch');
}
