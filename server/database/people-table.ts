/** `chat_sessions` and `user_profiles`: filled from the tokens of those who share something. */
import type { Knex } from 'knex';
import type { Uploader } from '../contract/chat-file.ts';
import { rowOf, runWithin, type Steps, statement } from './statement.ts';

/** An agent by subject, a visitor by subject or else by session. */
type Person = { company: string; role: Uploader; session: string; subject: string | null };

// On PostgreSQL whoever deletes them waits until what stands on them is committed.
const FIND = {
  session: 'select id from chat_sessions where company_id = ? and session_id = ?',
  profile: 'select id from user_profiles where company_id = ? and role = ? and subject = ?',
};
const FIND_BOTH = statement<{ session: number | null; profile: number | null }>({
  sqlite: `select (${FIND.session}) as session, (${FIND.profile}) as profile`,
  postgres: `select (${FIND.session} for key share) as session, (${FIND.profile} for key share) as profile`,
});
// A merge that changes nothing: without one the id of the row that is there would not be returned.
const ADD_SESSION = statement<{ id: number }>(
  `insert into chat_sessions (company_id, session_id, created_at) values (?, ?, ?)
   on conflict (company_id, session_id) do update set session_id = excluded.session_id returning id`,
);
const ADD_PROFILE = statement<{ id: number }>(
  `insert into user_profiles (company_id, role, subject, created_at) values (?, ?, ?, ?)
   on conflict (company_id, role, subject) do update set subject = excluded.subject returning id`,
);

export type PeopleTable = ReturnType<typeof createPeopleTable>;

const steps = {
  /** The rows of a session and of who shares something there, made when missing: they hardly ever are. */
  *idsOf(person: Person, nowMs: number): Steps<{ chatSessionId: number; profileId: number }> {
    const { company, session, role } = person;
    const found = yield* rowOf(FIND_BOTH, [company, session, company, role, subjectOf(person)]);
    return {
      chatSessionId: found?.session ?? (yield* addSession(company, session, nowMs)),
      profileId: found?.profile ?? (yield* addProfile(person, nowMs)),
    };
  },
};

function* addSession(company: string, session: string, nowMs: number): Steps<number> {
  return idOf(yield* rowOf(ADD_SESSION, [company, session, nowMs]));
}

function* addProfile(person: Person, nowMs: number): Steps<number> {
  return idOf(yield* rowOf(ADD_PROFILE, [person.company, person.role, subjectOf(person), nowMs]));
}

function subjectOf({ subject, session }: Person): string {
  return subject ?? `session:${session}`;
}

function idOf(row: { id: number } | undefined): number {
  return (row as { id: number }).id;
}

export function createPeopleTable() {
  return {
    steps,

    /** The row of a session, made when missing. @returns its id */
    async sessionId(transaction: Knex.Transaction, company: string, session: string, nowMs: number): Promise<number> {
      return runWithin(transaction, addSession(company, session, nowMs));
    },

    /** The row of a person. @returns its id */
    async profileId(transaction: Knex.Transaction, person: Person, nowMs: number): Promise<number> {
      return runWithin(transaction, addProfile(person, nowMs));
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
