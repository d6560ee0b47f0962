/** What is in the audit stays as it was written: no statement changes an entry, whoever sends it. They only go, with their age. */
import type { Knex } from 'knex';
import { dropTrigger } from './triggers.ts';

const NAME = 'audit_entries_stay';

export async function up(knex: Knex): Promise<void> {
  if (knex.client.dialect !== 'postgresql') {
    await knex.raw(
      `create trigger ${NAME} before update on audit_entries begin select raise(abort, 'entries of the audit do not change'); end`,
    );
    return;
  }
  await knex.raw(
    `create function ${NAME}() returns trigger language plpgsql as $$ begin raise exception 'entries of the audit do not change'; end $$`,
  );
  await knex.raw(`create trigger ${NAME} before update on audit_entries for each row execute function ${NAME}()`);
}

export async function down(knex: Knex): Promise<void> {
  await dropTrigger(knex, NAME, 'audit_entries');
}
