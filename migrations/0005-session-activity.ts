/** When something last happened in a session: an agent's list is ordered by it. */
import type { Knex } from 'knex';
import { createTrigger, dropTrigger } from './triggers.ts';

const BEGINNINGS: Record<string, string> = {
  uploads_begin_session: 'after insert',
  uploads_settle_session: 'after update of session_id',
};
const later = (activity: string) =>
  `case when chat_sessions.last_activity_at < ${activity} then ${activity} else chat_sessions.last_activity_at end`;

export async function up(knex: Knex): Promise<void> {
  await knex.schema.alterTable('chat_sessions', (table) => {
    table.bigInteger('last_activity_at').notNullable().defaultTo(0);
    table.index(['company_id', 'last_activity_at', 'id']);
  });
  await knex.raw(`
    update chat_sessions set last_activity_at = coalesce(
      (select max(created_at) from chat_files where chat_files.chat_session_id = chat_sessions.id),
      created_at)`);
  // Triggers, since files and uploads change in many places, and a place that forgot it would hide a chat from its agent.
  for (const name of Object.keys(BEGINNINGS)) await createBeginning(knex, name);
  await createSessionMove(knex);
}

export const createSessionBeginning = (knex: Knex): Promise<void> => createBeginning(knex, 'uploads_begin_session');

/** A session appears with its first upload. '' is none yet. */
async function createBeginning(knex: Knex, name: string): Promise<void> {
  await createTrigger(
    knex,
    name,
    'uploads',
    BEGINNINGS[name] as string,
    `
        insert into chat_sessions (company_id, session_id, created_at, last_activity_at)
          values (new.company_id, new.session_id, new.created_at, new.created_at)
          on conflict (company_id, session_id)
          do update set last_activity_at = ${later('excluded.last_activity_at')};`,
    "new.session_id <> ''",
  );
}

async function createSessionMove(knex: Knex): Promise<void> {
  await createTrigger(
    knex,
    'ledger_moves_session',
    'ledger',
    'after insert',
    `
      update chat_sessions set last_activity_at = ${later('new.created_at')}
        where company_id = new.company_id and session_id = new.session_id;`,
  );
}

export async function down(knex: Knex): Promise<void> {
  for (const name of Object.keys(BEGINNINGS)) await dropTrigger(knex, name, 'uploads');
  await dropTrigger(knex, 'ledger_moves_session', 'ledger');
  await knex.schema.alterTable('chat_sessions', (table) => {
    table.dropIndex(['company_id', 'last_activity_at', 'id']);
  });
  await knex.raw('alter table chat_sessions drop column last_activity_at');
}
