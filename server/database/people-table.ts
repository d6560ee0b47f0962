/** `chat_sessions` and `user_profiles`: filled from the tokens of those who share something. */
import type { Knex } from 'knex';
import type { Uploader } from '../contract/chat-file.ts';

export type PeopleTable = ReturnType<typeof createPeopleTable>;

export function createPeopleTable() {
  return {
    /** The row of a session, made when missing. @returns its id */
    async sessionId(transaction: Knex.Transaction, company: string, session: string, nowMs: number): Promise<number> {
      const [row] = await transaction('chat_sessions')
        .insert({ company_id: company, session_id: session, created_at: nowMs })
        .onConflict(['company_id', 'session_id'])
        // A merge that changes nothing: with `ignore` the existing id would not be returned.
        .merge(['session_id'])
        .returning('id');
      return row.id;
    },

    /** The row of a person: an agent by subject, a visitor by subject or else by session. @returns its id */
    async profileId(
      transaction: Knex.Transaction,
      person: { company: string; role: Uploader; session: string; subject: string | null },
      nowMs: number,
    ): Promise<number> {
      const subject = person.subject ?? `session:${person.session}`;
      const [row] = await transaction('user_profiles')
        .insert({ company_id: person.company, role: person.role, subject, created_at: nowMs })
        .onConflict(['company_id', 'role', 'subject'])
        .merge(['subject'])
        .returning('id');
      return row.id;
    },

    /** Deletes a session; its `chat_files` rows go by the cascade. @returns false when there is none */
    async removeSession(transaction: Knex.Transaction, company: string, session: string): Promise<boolean> {
      return (await transaction('chat_sessions').where({ company_id: company, session_id: session }).delete()) > 0;
    },
  };
}
