/** Several nodes: limits that all count together; and the one request of an upload belongs to a process from now on. */
import type { Knex } from 'knex';

export async function up(knex: Knex): Promise<void> {
  // As rate-limiter-flexible wants it.
  await knex.schema.createTable('rate_limits', (table) => {
    table.string('key', 255).primary();
    table.integer('points').notNullable().defaultTo(0);
    table.bigInteger('expire');
    table.index(['expire']);
  });
  // Whoever had these is gone: until now no other process could run.
  await knex('uploads').where({ state: 'open', one_request: true }).whereNull('size').update({ state: 'aborted' });
}

export async function down(knex: Knex): Promise<void> {
  await knex.schema.dropTable('rate_limits');
}
