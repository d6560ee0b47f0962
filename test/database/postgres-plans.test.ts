/** How PostgreSQL finds a company's files where these are the oldest of many: along their own index, not past all others. */
import { afterAll, beforeAll, expect, test } from 'vitest';
import { MIGRATIONS } from '../../migrations/index.ts';
import { FILE_ORDERS } from '../../server/contract/file-filter.ts';
import { createChatFileTable, type FileFilter } from '../../server/database/chat-file-table.ts';
import { migrate } from '../../server/database/migrate.ts';
import type { Database } from '../../server/database/open-database.ts';
import { openPostgres } from '../../server/database/open-postgres.ts';
import { startPostgres, type TestPostgres } from '../services/postgres.ts';

const FILES = 30_000;
let postgres: TestPostgres;
let database: Database;
beforeAll(async () => {
  postgres = await startPostgres();
  database = openPostgres(await postgres.newDatabase(), { poolSize: 2 });
  await migrate(database, MIGRATIONS);
  // One row counts a company's bytes, and would get a version for each of these files.
  await database.raw('alter table chat_files disable trigger user');
  await database.raw(`
    insert into chat_files (upload_id, company_id, session_id, uploader, storage_key, original_name, search_name,
      mime_type, size, seq, created_at)
    select n, case when n <= ${FILES / 10} then 'oldest' else 'others' end, n / 10, 'user', n, 'a.png', 'a.png',
      case when n % 4 = 0 then 'application/pdf' else 'image/png' end, 10, n, n
    from generate_series(1, ${FILES}) as n`);
  await database.raw('analyze');
});
afterAll(async () => {
  await database?.destroy();
  await postgres?.close();
});

test.each<FileFilter>([{}, { kind: 'document' }, { uploader: 'user' }])('in their order: %j', async (filter) => {
  const files = createChatFileTable(database);
  for (const order of FILE_ORDERS) {
    for (const beyondId of [null, FILES / 20]) {
      const asked: { sql: string; bindings: string[] }[] = [];
      const listen = (query: { sql: string; bindings: string[] }) => asked.push(query);
      database.on('query', listen);
      const found = await files.list('oldest', null, filter, { order, beyondId }, 50);
      database.off('query', listen);
      expect(found).toHaveLength(50);
      const [{ sql, bindings } = { sql: '', bindings: [] }] = asked;
      const { rows } = await database.raw(`explain ${sql.replaceAll(/\$\d+/g, '?')}`, bindings);
      const plan = rows.map((row: Record<string, string>) => row['QUERY PLAN']).join('\n');
      expect(plan).toContain('using chat_files_of_company');
      expect(plan).not.toMatch(/Sort|Seq Scan|chat_files_pkey/);
    }
  }
});
