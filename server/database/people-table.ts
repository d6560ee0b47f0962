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

    /** Whether there is a session of a company, or the one that is given. */
    async isAnySession(under: Knex, company: string, session: string | null): Promise<boolean> {
      const sessions = under('chat_sessions').where({ company_id: company });
      if (session !== null) sessions.andWhere({ session_id: session });
      return (await sessions.first('id')) !== undefined;
    },

    /**
     * A page of sessions in which nothing is left: of a company, or the one that is given. Call it while the company's counter
     * is held: what is recorded meanwhile would go by the cascade, without an entry. @returns how many
     */
    async removeEmptySessions(
      transaction: Knex.Transaction,
      company: string,
      session: string | null,
      maxSessions: number,
    ): Promise<number> {
      const page = transaction('chat_sessions').where({ company_id: company });
      if (session !== null) page.andWhere({ session_id: session });
      page
        .whereNotExists(transaction('chat_files').select('id').whereRaw('chat_session_id = chat_sessions.id'))
        .whereNotExists(
          transaction('uploads')
            .select('id')
            .whereRaw('uploads.company_id = chat_sessions.company_id and uploads.session_id = chat_sessions.session_id')
            .whereIn('state', ['open', 'finishing']),
        );
      return transaction('chat_sessions').whereIn('id', page.limit(maxSessions).select('id')).delete();
    },

    /** Visitors of whom no file is left. */
    async forgetVisitors(transaction: Knex.Transaction, profileIds: readonly number[]): Promise<void> {
      await withoutFiles(transaction, transaction('user_profiles').whereIn('id', [...profileIds]))
        .andWhere({ role: 'user' })
        .delete();
    },

    /** A page of people, agents too, of whom a company has no file left. @returns how many */
    async forgetPage(transaction: Knex.Transaction, company: string, maxPeople: number): Promise<number> {
      const page = withoutFiles(transaction, transaction('user_profiles').where({ company_id: company }));
      return transaction('user_profiles').whereIn('id', page.limit(maxPeople).select('id')).delete();
    },
  };
}

function withoutFiles(transaction: Knex, people: Knex.QueryBuilder): Knex.QueryBuilder {
  return people.whereNotExists(
    transaction('chat_files').select('id').whereRaw('chat_files.user_profile_id = user_profiles.id'),
  );
}
