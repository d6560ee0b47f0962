/** Triggers in both dialects, from one text. */
import type { Knex } from 'knex';

/**
 * Each row that an event changes runs `body`: statements over `new` and `old` that both dialects understand. PostgreSQL runs
 * the triggers of one event in the order of their names; what they lock, all transactions have to lock in one order:
 * `ledger_counters`, `company_usage`, `chat_sessions`.
 */
export async function createTrigger(
  knex: Knex,
  name: string,
  table: string,
  event: string,
  body: string,
  when: string | null = null,
): Promise<void> {
  const condition = when === null ? '' : ` when (${when})`;
  if (isSqlite(knex)) {
    await knex.raw(`create trigger ${name} ${event} on ${table}${condition} begin ${body} end`);
    return;
  }
  // The driver would take a question mark for a value; there is none.
  await knex.raw(`create function ${name}() returns trigger language plpgsql as $$ begin ${body} return null; end $$`);
  await knex.raw(`create trigger ${name} ${event} on ${table} for each row${condition} execute function ${name}()`);
}

export async function dropTrigger(knex: Knex, name: string, table: string): Promise<void> {
  if (isSqlite(knex)) {
    await knex.raw(`drop trigger if exists ${name}`);
    return;
  }
  await knex.raw(`drop trigger if exists ${name} on ${table}`);
  await knex.raw(`drop function if exists ${name}()`);
}

function isSqlite(knex: Knex): boolean {
  return knex.client.dialect !== 'postgresql';
}
