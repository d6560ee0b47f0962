/** What all migrations make of an empty SQLite database, found by running them: for `database/first-tables.ts`. */
import { MIGRATIONS } from '../../migrations/index.ts';
import type { FirstTables } from '../database/first-tables.ts';
import { migrate } from '../database/migrate.ts';
import { openSqlite } from '../database/open-sqlite.ts';

/** SQLite's own, and what it makes by itself. */
const OWN = 'sqlite_%';

export async function makeFirstTables(): Promise<FirstTables> {
  const database = openSqlite(':memory:');
  try {
    await migrate(database, MIGRATIONS);
    const parts: { type: string; name: string; sql: string }[] = await database('sqlite_master')
      .select('type', 'name', 'sql')
      .whereNot('name', 'like', OWN)
      .orderByRaw('rowid');
    const rows: FirstTables['rows'] = [];
    for (const { name } of parts.filter(({ type }) => type === 'table'))
      for (const row of await database(name).select('*')) rows.push({ table: name, row });
    return { migrations: [...MIGRATIONS.keys()], sql: parts.map(({ sql }) => `${sql};`).join('\n'), rows };
  } finally {
    await database.destroy();
  }
}
