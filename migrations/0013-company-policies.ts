/** What a company has of its own: limits and keys; and how many bytes it shared in a day, kept by triggers. */
import type { Knex } from 'knex';
import { createTrigger, dropTrigger } from './triggers.ts';

const DAY_MS = 86_400_000;
/**
 * What an upload counts on its day: what it reserves, then what it has become; nothing once it ended without a file. A final
 * upload counts by its parts.
 */
const countedByState = (row: 'new' | 'old') => `(case
  when ${row}.state in ('open', 'finishing', 'joined') then ${row}.reserved_bytes
  when ${row}.state = 'finished' and coalesce(${row}.upload_concat, '') like 'final;%' then ${row}.reserved_bytes
  when ${row}.state = 'finished' then coalesce(${row}.size, 0)
  else 0 end)`;
/**
 * Their names come after those of `company_usage`: whoever locks a day has locked the company before. The day is that of the
 * upload's beginning, so what is given back goes back to where it was counted.
 */
function triggersOf(countedOf: typeof countedByState): Record<string, [event: string, when: string, bytes: string]> {
  return {
    daily_bytes_upload_added: ['after insert', `${countedOf('new')} <> 0`, countedOf('new')],
    daily_bytes_upload_changed: [
      'after update of state, reserved_bytes',
      `${countedOf('new')} <> ${countedOf('old')}`,
      `${countedOf('new')} - ${countedOf('old')}`,
    ],
  };
}

export async function up(knex: Knex): Promise<void> {
  await knex.schema.createTable('company_policies', (table) => {
    table.string('company_id', 64).primary();
    table.text('policy').notNullable();
    // Of all changes of all companies, one after the other: who knows the last one finds what is new by it.
    table.bigInteger('version').notNullable().unique();
    table.bigInteger('updated_at').notNullable();
  });
  await knex.schema.createTable('policy_versions', (table) => {
    table.integer('id').primary();
    table.bigInteger('last').notNullable();
  });
  await knex('policy_versions').insert({ id: 1, last: 0 });
  await knex.schema.createTable('company_keys', (table) => {
    table.string('company_id', 64).notNullable();
    table.string('key_id', 64).notNullable();
    table.string('kind', 16).notNullable();
    table.text('material').notNullable();
    table.string('fingerprint', 64).notNullable();
    table.bigInteger('created_at').notNullable();
    table.primary(['company_id', 'key_id']);
  });
  await knex.schema.createTable('company_days', (table) => {
    table.string('company_id', 64).notNullable();
    table.integer('day').notNullable();
    table.bigInteger('bytes').notNullable();
    table.primary(['company_id', 'day']);
    table.index('day');
  });
  await createDailyBytes(knex);
}

/**
 * @param countedOf how much an upload's row counts, as SQL: a later migration says the same sum in a cheaper way
 * @param isBegun which new rows count: another later one has some that do not
 */
export async function createDailyBytes(
  knex: Knex,
  countedOf = countedByState,
  isBegun: string | null = null,
): Promise<void> {
  for (const [name, [event, when, bytes]] of Object.entries(triggersOf(countedOf))) {
    await createTrigger(
      knex,
      name,
      'uploads',
      event,
      `
        insert into company_days (company_id, day, bytes) values (new.company_id, new.created_at / ${DAY_MS}, ${bytes})
        on conflict (company_id, day) do update set bytes = company_days.bytes + excluded.bytes;`,
      event === 'after insert' && isBegun !== null ? `${isBegun} and ${when}` : when,
    );
  }
}

export async function down(knex: Knex): Promise<void> {
  for (const name of Object.keys(triggersOf(countedByState))) await dropTrigger(knex, name, 'uploads');
  for (const table of ['company_days', 'company_keys', 'policy_versions', 'company_policies'])
    await knex.schema.dropTable(table);
}
