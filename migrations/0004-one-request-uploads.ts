/** Uploads of the original API, which come in one request: nobody can go on with one. */
import type { Knex } from 'knex';

export async function up(knex: Knex): Promise<void> {
  await knex.schema.alterTable('uploads', (table) => {
    table.boolean('one_request').notNullable().defaultTo(false);
  });
}

export async function down(knex: Knex): Promise<void> {
  // Without the column they would be offered for going on with.
  await knex('uploads').where({ one_request: true, state: 'open' }).update({ state: 'aborted' });
  await knex.raw('alter table uploads drop column one_request');
}
