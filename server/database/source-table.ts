/** The original service's table in its own database, SQLite or PostgreSQL: read a page at a time, never written to. */
import { open } from 'node:fs/promises';
import Sqlite from 'better-sqlite3';
import type { Knex } from 'knex';
import { type RawRow, SOURCE_COLUMNS } from '../rules/source-row.ts';

/** Of one statement; the table stays free for its own service in between. */
const PAGE_ROWS = 500;
/** Milliseconds that a page waits for the other service's write. */
const BUSY_TIMEOUT_MS = 60_000;
const SQLITE_MAGIC = 'SQLite format 3\0';
/** The name that Django makes of `ChatFile`, whatever its app is called. */
const USUAL_NAME = /(?:^|_)chatfile$/;

export type SourceTable = { name: string; rows(): AsyncGenerator<RawRow>; close(): Promise<void> };

export async function isSqliteFile(file: string): Promise<boolean> {
  const handle = await open(file, 'r');
  try {
    const { buffer, bytesRead } = await handle.read(Buffer.alloc(SQLITE_MAGIC.length), 0, SQLITE_MAGIC.length, 0);
    return buffer.subarray(0, bytesRead).toString('latin1') === SQLITE_MAGIC;
  } finally {
    await handle.close();
  }
}

/** @param table null: the one that has the columns. @throws when there is none, or more than one */
export function openSqliteTable(file: string, table: string | null): SourceTable {
  const connection = new Sqlite(file, { readonly: true, fileMustExist: true, timeout: BUSY_TIMEOUT_MS });
  try {
    const columns = connection
      .prepare<[], { relation: string; name: string }>(
        `select tables.name as relation, columns.name from sqlite_master as tables, pragma_table_info(tables.name) as columns
         where tables.type in ('table', 'view')`,
      )
      .all();
    const name = chooseTable(columns, table);
    const quoted = quote(name);
    const list = SOURCE_COLUMNS.map(quote).join(', ');
    const first = connection.prepare<[number], RawRow>(`select ${list} from ${quoted} order by "id" limit ?`);
    const next = connection.prepare<[unknown, number], RawRow>(
      `select ${list} from ${quoted} where "id" > ? order by "id" limit ?`,
    );
    return {
      name,
      rows: () => inPages(async (after) => (after === null ? first.all(PAGE_ROWS) : next.all(after.id, PAGE_ROWS))),
      close: async () => void connection.close(),
    };
  } catch (error) {
    connection.close();
    throw error;
  }
}

/** The same over a connection to PostgreSQL, which it closes. `table` may have its schema before a dot. */
export async function openPostgresTable(database: Knex, table: string | null): Promise<SourceTable> {
  try {
    const { rows: columns } = await database.raw(
      `select case when table_schema = current_schema() then table_name else table_schema || '.' || table_name end as relation,
         column_name as name from information_schema.columns
       where table_schema not in ('pg_catalog', 'information_schema')`,
    );
    const name = chooseTable(columns, table);
    // As text: a time without a zone would be read in this machine's.
    const list = SOURCE_COLUMNS.map((column) => (column === 'created_at' ? 'created_at::text' : quote(column))).join(
      ', ',
    );
    const from = name.split('.').map(quote).join('.');
    const page = async (after: RawRow | null): Promise<RawRow[]> => {
      const beyond = after === null ? '' : 'where "id" > ?';
      const bindings = after === null ? [] : [after.id as string];
      const query = `select ${list} from ${from} ${beyond} order by "id" limit ${PAGE_ROWS}`;
      return (await database.raw(query, bindings)).rows;
    };
    return { name, rows: () => inPages(page), close: () => database.destroy() };
  } catch (error) {
    await database.destroy();
    throw error;
  }
}

async function* inPages(read: (after: RawRow | null) => Promise<RawRow[]>): AsyncGenerator<RawRow> {
  for (let after: RawRow | null = null; ; ) {
    const page: RawRow[] = await read(after);
    yield* page;
    after = page.at(-1) ?? null;
    if (after === null) return;
  }
}

function chooseTable(columns: readonly { relation: string; name: string }[], wanted: string | null): string {
  const tables = Map.groupBy(columns, ({ relation }) => relation);
  const lacks = (relation: string) => {
    const names = new Set(tables.get(relation)?.map(({ name }) => name));
    return SOURCE_COLUMNS.filter((column) => !names.has(column));
  };
  if (wanted !== null) {
    if (!tables.has(wanted)) throw new Error(`There is no table ${wanted} in this database.`);
    const missing = lacks(wanted);
    if (missing.length > 0) throw new Error(`The table ${wanted} lacks ${missing.join(', ')}: it is not of ChatFile.`);
    return wanted;
  }
  const fitting = [...tables.keys()].filter((relation) => lacks(relation).length === 0);
  const usual = fitting.filter((relation) => USUAL_NAME.test(relation));
  const [only] = usual.length > 0 ? usual : fitting;
  if (only === undefined)
    throw new Error(`No table in this database has all of ${SOURCE_COLUMNS.join(', ')}. Name yours with --table.`);
  const found = usual.length > 0 ? usual : fitting;
  if (found.length > 1) throw new Error(`Several tables could be meant: ${found.join(', ')}. Name one with --table.`);
  return only;
}

function quote(name: string): string {
  return `"${name.replaceAll('"', '""')}"`;
}
