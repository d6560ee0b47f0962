/** How often a client came back to an unfinished upload: a file that was finished all the same is one that was rescued. */
import type { Knex } from 'knex';

export async function up(knex: Knex): Promise<void> {
  await knex.raw('alter table uploads add column resumes integer not null default 0');
  // Where the upload stood then: who only asks again, and sends nothing in between, did not come back a second time.
  await knex.raw('alter table uploads add column resumed_offset bigint');
}

export async function down(knex: Knex): Promise<void> {
  await knex.raw('alter table uploads drop column resumed_offset');
  await knex.raw('alter table uploads drop column resumes');
}
