/** `chat_sessions` as an agent sees them: each with what is in it, newest activity first. */
import { isPostgres } from './dialect.ts';
import type { Database } from './open-database.ts';

export type SessionSummary = {
  /** The row's own, for the order of sessions with the same time. */
  id: number;
  company: string;
  session: string;
  lastActivityAt: number;
  filesCount: number;
  lastFileId: number | null;
  uploadsUnderWay: number;
  /** The ledger's place of which all this is true. */
  seq: number;
};

/** Where a page begins: behind this session. */
export type SessionPlace = { lastActivityAt: number; id: number };

/** Of all sessions: this one, or those whose id contains a text. */
export type SessionFilter = { session: string | null; idContains?: string | undefined };

export type SessionListTable = ReturnType<typeof createSessionListTable>;

const OF_SESSION = 'company_id = chat_sessions.company_id and session_id = chat_sessions.session_id';
/** As `GET /api/chat/uploads/` lists them: partial uploads are nobody's file yet. */
const UNDER_WAY =
  `from uploads where ${OF_SESSION} and state in ('open', 'finishing') ` +
  "and (upload_concat is null or state = 'finishing')";
const COUNTER = 'from ledger_counters where company_id = chat_sessions.company_id';
/** SQLite has a chat's files in order by its row, PostgreSQL by its names. */
const FILES = {
  sqlite: 'from chat_files where chat_session_id = chat_sessions.id',
  postgres: `from chat_files where ${OF_SESSION}`,
};

export function createSessionListTable(database: Database) {
  const contains = isPostgres(database) ? 'strpos' : 'instr';
  const files = isPostgres(database) ? FILES.postgres : FILES.sqlite;
  return {
    /**
     * Sessions that hold something; of the one session if it is named. Along the index of (company, activity), each row's
     * counts by an index of their own: a page costs what is in it, however many sessions the company has. The ledger's
     * place is read in the same statement: whoever follows the ledger knows which changes are counted here.
     */
    async list(
      company: string,
      { session, idContains }: SessionFilter,
      after: SessionPlace | null,
      maxSessions: number,
    ): Promise<SessionSummary[]> {
      const query = database('chat_sessions')
        .where({ company_id: company })
        .andWhereRaw(`(exists (select 1 ${files}) or exists (select 1 ${UNDER_WAY}))`)
        .orderBy([
          { column: 'last_activity_at', order: 'desc' },
          { column: 'id', order: 'desc' },
        ])
        .limit(maxSessions)
        .select('id', 'company_id', 'session_id', 'last_activity_at')
        .select(
          database.raw(`(select count(*) ${files}) as files_count`),
          database.raw(`(select max(id) ${files}) as last_file_id`),
          database.raw(`(select count(*) ${UNDER_WAY}) as uploads_under_way`),
          database.raw(`coalesce((select last_seq ${COUNTER}), 0) as seq`),
        );
      if (session !== null) query.andWhere({ session_id: session });
      if (idContains !== undefined)
        query.andWhereRaw(`${contains}(lower(session_id), ?) > 0`, [idContains.toLowerCase()]);
      if (after !== null) query.andWhereRaw('(last_activity_at, id) < (?, ?)', [after.lastActivityAt, after.id]);
      const rows = await query;
      return rows.map((row) => ({
        id: row.id,
        company: row.company_id,
        session: row.session_id,
        lastActivityAt: row.last_activity_at,
        filesCount: Number(row.files_count),
        lastFileId: row.last_file_id,
        uploadsUnderWay: Number(row.uploads_under_way),
        seq: row.seq,
      }));
    },
  };
}
