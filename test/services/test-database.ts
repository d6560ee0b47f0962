/** A migrated database of the test's own, as the server opens it: SQLite, or PostgreSQL in the runs for that. */
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { MIGRATIONS } from '../../migrations/index.ts';
import { createChatFileTable, type NewFile } from '../../server/database/chat-file-table.ts';
import { migrate } from '../../server/database/migrate.ts';
import type { Database } from '../../server/database/open-database.ts';
import { openPostgres } from '../../server/database/open-postgres.ts';
import { openSqlite } from '../../server/database/open-sqlite.ts';
import { createPeopleTable } from '../../server/database/people-table.ts';
import { newTestDatabase } from './shared-postgres.ts';

export type TestDatabase = { database: Database; remove(): Promise<void> };

const POOL_SIZE = 5;

export async function openTestDatabase(): Promise<TestDatabase> {
  const postgresUrl = await newTestDatabase();
  if (postgresUrl !== null) {
    const database = openPostgres(postgresUrl, { poolSize: POOL_SIZE });
    await migrate(database, MIGRATIONS);
    return { database, remove: () => database.destroy() };
  }
  const folder = await mkdtemp(join(tmpdir(), 'chatdrop-database-'));
  const file = join(folder, 'chatdrop.sqlite');
  const database = openSqlite(file);
  await migrate(database, MIGRATIONS);
  return {
    database,
    async remove() {
      await database.destroy();
      await rm(folder, { recursive: true, force: true });
    },
  };
}

let filesMade = 0;

/** Records a file with its session and profile. @returns its id */
export async function insertFile(database: Database, over: Partial<NewFile> = {}): Promise<number> {
  filesMade += 1;
  const people = createPeopleTable();
  const file = {
    uploadId: `upload-${filesMade}`,
    company: 'company',
    session: 'session',
    uploader: 'user' as const,
    storageKey: `chat/company/session/key-${filesMade}`,
    name: 'photo.png',
    mimeType: 'image/png',
    sizeBytes: 10,
    scan: 'not_scanned' as const,
    sha256: null,
    seq: filesMade,
    createdAt: 1000,
    ...over,
  };
  return database.transaction(async (transaction) => {
    const person = { company: file.company, role: file.uploader, session: file.session, subject: null };
    const chatSessionId = await people.sessionId(transaction, file.company, file.session, 1000);
    const profileId = await people.profileId(transaction, person, 1000);
    return createChatFileTable(database).insert(transaction, { chatSessionId, profileId, ...file });
  });
}
