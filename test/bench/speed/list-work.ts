/**
 * Work j: a chat's first page with its count, as the server makes it, from a table of few rows and of many. Without HTTP:
 * what grows with the rows is the database's part.
 */
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { createChatFileTable } from '../../../server/database/chat-file-table.ts';
import { createEventLedger } from '../../../server/database/event-ledger.ts';
import type { Database } from '../../../server/database/open-database.ts';
import { openPostgres } from '../../../server/database/open-postgres.ts';
import { openSqlite } from '../../../server/database/open-sqlite.ts';
import { createListFiles } from '../../../server/sharing/list-files.ts';
import { createPresentFile } from '../../../server/sharing/present-file.ts';
import { startPostgres } from '../../services/postgres.ts';
import { type Figure, latencies } from './figure.ts';
import { BIG_COMPANY, BIG_SESSION, fillRows } from './fill-rows.ts';

const SAMPLES = 800;
const WARM_UPS = 200;
const POOL = 5;

export async function listsOfSqlite(counts: readonly number[]): Promise<Figure[]> {
  const folder = await mkdtemp(path.join(tmpdir(), 'chatdrop-rows-'));
  try {
    return await inTurns('SQLite', counts, (rows) => filledFile(path.join(folder, `${rows}.sqlite`), rows));
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

export async function listsOfPostgres(counts: readonly number[]): Promise<Figure[]> {
  const server = await startPostgres();
  try {
    return await inTurns('PostgreSQL', counts, async (rows) => {
      const database = openPostgres(await server.newDatabase(), { poolSize: POOL });
      await fillRows(database, rows);
      return database;
    });
  } finally {
    await server.close();
  }
}

async function filledFile(file: string, rows: number): Promise<Database> {
  const database = openSqlite(file);
  await fillRows(database, rows);
  return database;
}

/** All tables are asked in turns: whatever else the machine does is the same for each. */
async function inTurns(
  server: string,
  counts: readonly number[],
  filled: (rows: number) => Promise<Database>,
): Promise<Figure[]> {
  const tables: { rows: number; database: Database; list(): Promise<unknown>; times: number[] }[] = [];
  try {
    for (const rows of counts) {
      const database = await filled(rows);
      tables.push({ rows, database, list: listOf(database), times: [] });
    }
    for (let n = -WARM_UPS; n < SAMPLES; n += 1) {
      for (const { list, times } of tables) {
        const startedAt = performance.now();
        await list();
        if (n >= 0) times.push(performance.now() - startedAt);
      }
    }
    return tables.flatMap(({ rows, times }) => latencies(server, `a chat's list, ${rows} rows`, times));
  } finally {
    for (const { database } of tables) await database.destroy();
  }
}

function listOf(database: Database): () => Promise<unknown> {
  const links = { mediaUrl: () => 'http://127.0.0.1/media/', secret: 'bench', expirySeconds: 3600, now: Date.now };
  const listFiles = createListFiles({
    files: createChatFileTable(database),
    ledger: createEventLedger(database),
    presentFile: createPresentFile(links),
  });
  return () => listFiles(BIG_COMPANY, BIG_SESSION, {});
}
