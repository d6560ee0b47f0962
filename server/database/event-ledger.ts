/** The numbered changes of a company's sessions: what happened, in the order of the commits. */
import type { Knex } from 'knex';
import type { RemovalReason } from '../contract/events.ts';
import type { Database } from './open-database.ts';
import { runnerOf } from './run-statements.ts';
import { changesOf, rowOf, rowsOf, runWithin, type Steps, statement } from './statement.ts';

export type LedgerType = 'file_shared' | 'file_updated' | 'file_removed';
export type LedgerEntry = {
  seq: number;
  company: string;
  session: string;
  type: LedgerType;
  fileId: number;
  reason: RemovalReason | null;
};
type Change = { company: string; session: string; type: LedgerType; fileId: number; reason?: RemovalReason | null };
type Row = {
  company_id: string;
  seq: number;
  session_id: string;
  type: LedgerType;
  file_id: number;
  reason: RemovalReason | null;
};

const NEXT_SEQ = statement<{ last_seq: number }>(
  `insert into ledger_counters (company_id, last_seq) values (?, 1)
   on conflict (company_id) do update set last_seq = ledger_counters.last_seq + 1 returning last_seq`,
);
const APPEND = statement(
  'insert into ledger (company_id, seq, session_id, type, file_id, reason, created_at) values (?, ?, ?, ?, ?, ?, ?)',
);
// No limit is bound as such: see `statement`. Neither is a column that SQLite, which looks for an order that needs no sorting,
// finds to be one value: it would compile the statement anew for each.
const AFTER = `select company_id, seq, session_id, type, file_id, reason from ledger
  where company_id = cast(? as varchar) and seq > ?`;
const PAGE = 'order by seq limit cast(? as bigint)';
const ENTRIES_OF_COMPANY = statement<Row>(`${AFTER} ${PAGE}`);
const ENTRIES_OF_SESSION = statement<Row>(`${AFTER} and session_id = cast(? as varchar) ${PAGE}`);

const FIRST_OF_COMPANY =
  'select created_at from ledger where ledger.company_id = ledger_counters.company_id order by seq limit 1';

export type EventLedger = ReturnType<typeof createEventLedger>;

/** The same within steps. */
const steps = {
  *nextSeq(company: string): Steps<number> {
    const row = yield* rowOf(NEXT_SEQ, [company]);
    return (row as { last_seq: number }).last_seq;
  },

  *append(seq: number, { company, session, type, fileId, reason = null }: Change, nowMs: number): Steps<void> {
    yield* changesOf(APPEND, [company, seq, session, type, fileId, reason, nowMs]);
  },
};

export function createEventLedger(database: Database) {
  return {
    steps,

    /**
     * The next number of a company. The counter row stays locked until the commit, so that the order of the
     * commits is the order of the numbers: call it inside the transaction of the change, as its first write.
     */
    async nextSeq(transaction: Knex.Transaction, company: string): Promise<number> {
      return runWithin(transaction, steps.nextSeq(company));
    },

    /** The same for many at once: holds the counter until the commit, and takes no number yet. */
    async hold(transaction: Knex.Transaction, company: string): Promise<void> {
      await transaction('ledger_counters')
        .insert({ company_id: company, last_seq: 0 })
        .onConflict('company_id')
        .merge({ last_seq: transaction.raw('ledger_counters.last_seq') });
    },

    /** Files that go together, each with an entry and a number of its own; after `hold`. */
    async appendRemoved(
      transaction: Knex.Transaction,
      company: string,
      files: readonly { id: number; session: string }[],
      reason: RemovalReason,
      nowMs: number,
    ): Promise<void> {
      const [counter] = await transaction('ledger_counters')
        .where({ company_id: company })
        .increment('last_seq', files.length)
        .returning('last_seq');
      const first = counter.last_seq - files.length + 1;
      await transaction('ledger').insert(
        files.map(({ id, session }, at) => ({
          company_id: company,
          seq: first + at,
          session_id: session,
          type: 'file_removed',
          file_id: id,
          reason,
          created_at: nowMs,
        })),
      );
    },

    /** Writes an entry under a number from `nextSeq`, in the same transaction. */
    async append(transaction: Knex.Transaction, seq: number, change: Change, nowMs: number): Promise<void> {
      await runWithin(transaction, steps.append(seq, change, nowMs));
    },

    /** Entries after a number, in order; of one session, or of the whole company when `session` is null. */
    async entriesAfter(
      company: string,
      session: string | null,
      after: number,
      maxEntries: number,
    ): Promise<LedgerEntry[]> {
      const rows = await runnerOf(database).read(() =>
        session === null
          ? rowsOf(ENTRIES_OF_COMPANY, [company, after, maxEntries])
          : rowsOf(ENTRIES_OF_SESSION, [company, after, session, maxEntries]),
      );
      return rows.map((row) => ({
        seq: row.seq,
        company: row.company_id,
        session: row.session_id,
        type: row.type,
        fileId: row.file_id,
        reason: row.reason,
      }));
    },

    /** The newest number of a company; 0 before its first change. */
    async lastSeq(company: string): Promise<number> {
      const row = await database('ledger_counters').where({ company_id: company }).first('last_seq');
      return row?.last_seq ?? 0;
    },

    /** The newest numbers of several companies at once; those before their first change are left out. */
    async lastSeqs(companies: readonly string[]): Promise<Map<string, number>> {
      const rows = await database('ledger_counters').whereIn('company_id', companies).select('company_id', 'last_seq');
      return new Map(rows.map((row) => [row.company_id, row.last_seq]));
    },

    /** When the newest entry of all was written; null in an empty ledger. Reads all of it: 0.1 s for a million. */
    async newestEntryAt(): Promise<number | null> {
      const row = await database('ledger').max({ newest: 'created_at' }).first();
      return row?.newest ?? null;
    },

    /** Whether every entry after a number is still kept. */
    async keepsAllAfter(company: string, after: number): Promise<boolean> {
      const last = await this.lastSeq(company);
      if (after === last) return true;
      if (after > last) return false;
      const row = await database<Row>('ledger').where({ company_id: company }).orderBy('seq').first('seq');
      return row !== undefined && row.seq <= after + 1;
    },

    /** Forgets a company's entries up to one. Its counter stays, so that its numbers never come again. */
    async forget(company: string, through: number): Promise<number> {
      return database('ledger').where({ company_id: company }).andWhere('seq', '<=', through).delete();
    },

    /** Forgets entries older than a time, but none after one that is kept: a clock that was set back leaves no hole. */
    async trim(beforeMs: number): Promise<number> {
      // Whose first entry is younger keeps all.
      const companies: string[] = await database('ledger_counters')
        .whereRaw(`(${FIRST_OF_COMPANY}) < ?`, [beforeMs])
        .pluck('company_id');
      let forgotten = 0;
      for (const company of companies) {
        const all = () => database('ledger').where({ company_id: company });
        const kept = await all().andWhere('created_at', '>=', beforeMs).orderBy('seq').first('seq');
        const old = all().andWhere('created_at', '<', beforeMs);
        forgotten += await (kept === undefined ? old : old.andWhere('seq', '<', kept.seq)).delete();
      }
      return forgotten;
    },
  };
}
