/** When something last happened in a session: an agent's list is ordered by it. */
import type { Knex } from 'knex';

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
  for (const [name, event] of [
    ['uploads_begin_session', 'insert on uploads'],
    ['uploads_settle_session', 'update of session_id on uploads'],
  ]) {
    // A session appears with its first upload. '' is none yet.
    await knex.raw(`
      create trigger ${name} after ${event} when new.session_id <> ''
      begin
        insert into chat_sessions (company_id, session_id, created_at, last_activity_at)
          values (new.company_id, new.session_id, new.created_at, new.created_at)
          on conflict (company_id, session_id)
          do update set last_activity_at = max(last_activity_at, excluded.last_activity_at);
      end`);
  }
  await knex.raw(`
    create trigger ledger_moves_session after insert on ledger
    begin
      update chat_sessions set last_activity_at = max(last_activity_at, new.created_at)
        where company_id = new.company_id and session_id = new.session_id;
    end`);
}

export async function down(knex: Knex): Promise<void> {
  for (const name of ['uploads_begin_session', 'uploads_settle_session', 'ledger_moves_session'])
    await knex.raw(`drop trigger if exists ${name}`);
  await knex.schema.alterTable('chat_sessions', (table) => {
    table.dropIndex(['company_id', 'last_activity_at', 'id']);
  });
  await knex.raw('alter table chat_sessions drop column last_activity_at');
}
