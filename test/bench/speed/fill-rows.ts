/** A database of many files, written by statements of many rows: a tenth is one company's, a thousand of these one chat's. */
import { MIGRATIONS } from '../../../migrations/index.ts';
import { isPostgres } from '../../../server/database/dialect.ts';
import { migrate } from '../../../server/database/migrate.ts';
import type { Database } from '../../../server/database/open-database.ts';

export const BIG_COMPANY = 'big';
export const BIG_SESSION = 'busy';
/** Chats of a thousand, ten, and a hundred files. */
const SESSION_FILES = { busy: 1000, ofBig: 10, ofOthers: 100 };
const OTHER_COMPANIES = 500;
/** Of one statement: the server's own bound on its time holds here too. */
const BATCH_ROWS = 20_000;

/**
 * By statements of many rows. On PostgreSQL without the triggers: they count each company's bytes in one row, and its
 * versions within one transaction are walked through for each file.
 */
export async function fillRows(database: Database, rows: number): Promise<void> {
  await migrate(database, MIGRATIONS);
  if (isPostgres(database)) await database.raw('alter table chat_files disable trigger user');
  const ofBig = Math.floor(rows / 10);
  const numbers = (first: number, last: number) =>
    isPostgres(database)
      ? `select generate_series(${first}, ${last}) as n`
      : `with recursive numbers(n) as (select ${first} union all select n + 1 from numbers where n < ${last}) select n from numbers`;
  const divided = (n: string, by: number) => `cast(${n} / ${by} as bigint)`;
  const ofBusy = Math.min(SESSION_FILES.busy, ofBig);
  const shapes = [
    { from: 0, count: ofBusy, company: `'${BIG_COMPANY}'`, session: `'${BIG_SESSION}'` },
    {
      from: ofBusy,
      count: ofBig - ofBusy,
      company: `'${BIG_COMPANY}'`,
      session: `'s' || ${divided('n', SESSION_FILES.ofBig)}`,
    },
    {
      from: ofBig,
      count: rows - ofBig,
      company: `'c' || (${divided('n', SESSION_FILES.ofOthers)} % ${OTHER_COMPANIES})`,
      session: `'s' || ${divided('n', SESSION_FILES.ofOthers)}`,
    },
  ].filter(({ count }) => count > 0);
  for (const { from, count, company, session } of shapes) {
    for (let first = 0; first < count; first += BATCH_ROWS) {
      const rowsOf = numbers(first, Math.min(count, first + BATCH_ROWS) - 1);
      await database.raw(`
        insert into chat_sessions (company_id, session_id, created_at, last_activity_at)
        select company, session, 1, min(n) from (
          select ${company} as company, ${session} as session, n from (${rowsOf}) as numbers
        ) as people where true group by company, session on conflict do nothing`);
      await database.raw(`
        insert into chat_files (upload_id, company_id, session_id, uploader, storage_key, original_name, search_name,
          mime_type, size, seq, created_at, chat_session_id)
        select 'u' || (n + ${from}), ${company}, ${session}, 'user', 'chat/k/' || (n + ${from}), 'photo ' || n || '.png',
          'photo ' || n || '.png', case when n % 4 = 0 then 'application/pdf' else 'image/png' end, 1000, n + ${from} + 1,
          1, chat_sessions.id
        from (${rowsOf}) as numbers
        join chat_sessions on chat_sessions.company_id = ${company} and chat_sessions.session_id = ${session}`);
    }
  }
  if (isPostgres(database)) {
    await database.raw('insert into company_usage select company_id, sum(size) from chat_files group by company_id');
    await database.raw('alter table chat_files enable trigger user');
  }
  await database('ledger_counters').insert({ company_id: BIG_COMPANY, last_seq: rows });
  // As its own housekeeping would have left it; it would come in the middle of what is measured.
  await database.raw(isPostgres(database) ? 'vacuum analyze' : 'analyze');
}
