/** `audit_entries`: who did what to which file, when and from where. All SQL of the table, and row ↔ object. */
import type { Knex } from 'knex';
import type { Actor, ActorRole } from '../rules/actor.ts';
import type { Database } from './open-database.ts';
import { type Columns, changesOf, insertion, runWithin, type Steps } from './statement.ts';

/**
 * `token_minted`: `chatdrop token` signed one. `signed_in`: a token was put into the cookie.
 * `linked`: got links, to one file or to a page of them. `connected`: is told of a session's files, with links, as long as the
 * connection lasts. `opened`, `downloaded`: bytes, to be shown or to be saved. `infected`: of the scanner. `webhook_rotated`:
 * got a new secret. `webhook_resent`: somebody had it sent something.
 * `imported`: became a file by `chatdrop import`.
 */
export const AUDIT_ACTIONS = [
  'uploaded',
  'opened',
  'downloaded',
  'linked',
  'connected',
  'links_revoked',
  'deleted',
  'session_deleted',
  'visitor_deleted',
  'company_deleted',
  'infected',
  'policy_changed',
  'key_added',
  'key_removed',
  'webhook_added',
  'webhook_changed',
  'webhook_rotated',
  'webhook_resent',
  'webhook_removed',
  'token_minted',
  'signed_in',
  'imported',
  'infection_forgotten',
  'backed_up',
  'restored',
] as const;
/** As a company, where a deed is of none or of all. */
export const ALL_COMPANIES = '';

export type AuditAction = (typeof AUDIT_ACTIONS)[number];

export type AuditEntry = {
  id: number;
  at: number;
  /** `ALL_COMPANIES`: the whole installation. */
  company: string;
  /** Null: the whole company. */
  session: string | null;
  role: ActorRole;
  subject: string | null;
  action: AuditAction;
  /** The file may be gone by now. */
  fileId: number | null;
  name: string | null;
  address: string | null;
  /** What else there is to say: the program (`user_agent`), a count, a hash. Never a token or a signature. */
  detail: Record<string, string | number>;
};

/** What happened, without who did it. */
export type Deed = Pick<AuditEntry, 'action' | 'company' | 'session'> &
  Partial<Pick<AuditEntry, 'fileId' | 'name' | 'detail'>>;
export type NewAuditEntry = Omit<AuditEntry, 'id'>;

export type AuditFilter = {
  company?: string | undefined;
  session?: string | undefined;
  action?: AuditAction | undefined;
  /** Milliseconds since the epoch; the second is excluded. */
  sinceMs?: number | undefined;
  untilMs?: number | undefined;
};

/** Rows of one statement: SQLite binds 32,766 values at most. */
const ROWS_AT_ONCE = 500;

const COLUMNS: Columns<NewAuditEntry> = {
  at: (entry) => entry.at,
  company_id: (entry) => entry.company,
  session_id: (entry) => entry.session,
  role: (entry) => entry.role,
  subject: (entry) => entry.subject,
  action: (entry) => entry.action,
  file_id: (entry) => entry.fileId,
  name: (entry) => entry.name,
  address: (entry) => entry.address,
  detail: (entry) => JSON.stringify(entry.detail),
};
const INSERT = insertion('audit_entries', COLUMNS);

const steps = {
  *add(entry: NewAuditEntry): Steps<void> {
    yield* changesOf(INSERT.statement, INSERT.valuesOf(entry));
  },
};

export type AuditTable = ReturnType<typeof createAuditTable>;

export function createAuditTable(database: Database) {
  return {
    steps,

    /** In the transaction of what it tells of, so that neither is without the other. */
    async add(transaction: Knex.Transaction, entry: NewAuditEntry): Promise<void> {
      await runWithin(transaction, steps.add(entry));
    },

    async addAll(entries: readonly NewAuditEntry[]): Promise<void> {
      await database.batchInsert('audit_entries', entries.map(toRow), ROWS_AT_ONCE);
    },

    /** A page, the newest first, or the oldest; `beyondId`: where the page before it ended. */
    async list(
      filter: AuditFilter,
      { order, beyondId, limit }: { order: 'newest' | 'oldest'; beyondId: number | null; limit: number },
    ): Promise<AuditEntry[]> {
      const query = matching(database('audit_entries'), filter);
      if (beyondId !== null) query.andWhere('id', order === 'newest' ? '<' : '>', beyondId);
      const rows = await query.orderBy('id', order === 'newest' ? 'desc' : 'asc').limit(limit);
      return rows.map(fromRow);
    },

    /** @returns how many entries from before that time there were */
    async forget(beforeMs: number): Promise<number> {
      return database('audit_entries').where('at', '<', beforeMs).delete();
    },
  };
}

export function auditEntry(actor: Actor, deed: Deed, at: number): NewAuditEntry {
  const { role, subject, address, userAgent } = actor;
  const { fileId = null, name = null, detail = {} } = deed;
  const { action, company, session } = deed;
  const program: AuditEntry['detail'] = userAgent === null ? {} : { user_agent: userAgent };
  return { at, company, session, role, subject, action, fileId, name, address, detail: { ...program, ...detail } };
}

// biome-ignore lint/suspicious/noExplicitAny: knex's own type of a row
type Row = any;

function matching(query: Knex.QueryBuilder, filter: AuditFilter): Knex.QueryBuilder {
  if (filter.company !== undefined) query.andWhere({ company_id: filter.company });
  if (filter.session !== undefined) query.andWhere({ session_id: filter.session });
  if (filter.action !== undefined) query.andWhere({ action: filter.action });
  if (filter.sinceMs !== undefined) query.andWhere('at', '>=', filter.sinceMs);
  if (filter.untilMs !== undefined) query.andWhere('at', '<', filter.untilMs);
  return query;
}

function toRow(entry: NewAuditEntry): Row {
  return Object.fromEntries(Object.entries(COLUMNS).map(([column, value]) => [column, value(entry)]));
}

function fromRow(row: Row): AuditEntry {
  return {
    id: row.id,
    at: row.at,
    company: row.company_id,
    session: row.session_id,
    role: row.role,
    subject: row.subject,
    action: row.action,
    fileId: row.file_id,
    name: row.name,
    address: row.address,
    detail: JSON.parse(row.detail ?? '{}'),
  };
}
