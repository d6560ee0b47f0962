/** Every connection writes through to the disk and keeps foreign keys; the tables come and go by the migrations. */
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { MIGRATIONS } from '../../migrations/index.ts';
import { migrate, rollback } from '../../server/database/migrate.ts';
import type { Database } from '../../server/database/open-database.ts';
import { openSqlite } from '../../server/database/open-sqlite.ts';

const DURABLE = { journal_mode: 'wal', synchronous: 2, foreign_keys: 1, busy_timeout: 5000 };
let folder = '';
let database: Database;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'chatdrop-open-'));
  database = openSqlite(join(folder, 'new folder', 'chatdrop.sqlite'));
});
afterEach(async () => {
  await database.destroy();
  await rm(folder, { recursive: true });
});

describe('a connection', () => {
  test('is durable: the first one', async () => {
    expect(await pragmasOf(database)).toEqual(DURABLE);
  });

  test('is durable: after the database was opened again', async () => {
    await migrate(database, MIGRATIONS);
    await database.destroy();
    database = openSqlite(join(folder, 'new folder', 'chatdrop.sqlite'));
    expect(await pragmasOf(database)).toEqual(DURABLE);
  });

  test('is durable: a second one beside it, and the one that replaces a broken one', async () => {
    const beside = openSqlite(join(folder, 'new folder', 'chatdrop.sqlite'));
    expect(await pragmasOf(beside)).toEqual(DURABLE);
    await beside.destroy();
    const broken = await database.client.acquireConnection();
    broken.__knex__disposed = new Error('broken, for a test');
    await database.client.releaseConnection(broken);
    expect(await pragmasOf(database)).toEqual(DURABLE);
    const next = await database.client.acquireConnection();
    await database.client.releaseConnection(next);
    expect(next).not.toBe(broken);
  });
});

describe('migrations', () => {
  test('up, down and up again leave the same tables', async () => {
    expect(await migrate(database, MIGRATIONS)).toEqual([...MIGRATIONS.keys()]);
    const first = await schemaOf(database);
    expect(first).toContain('chat_files_bytes_follow');
    expect(await migrate(database, MIGRATIONS)).toEqual([]);
    expect(await rollback(database, MIGRATIONS)).toEqual([...MIGRATIONS.keys()].reverse());
    expect(await schemaOf(database)).toBe('');
    expect(await rollback(database, MIGRATIONS)).toEqual([]);
    await migrate(database, MIGRATIONS);
    expect(await schemaOf(database)).toBe(first);
  });

  test('run although a killed one left its lock behind', async () => {
    await migrate(database, MIGRATIONS);
    await rollback(database, MIGRATIONS);
    await database('migrations_lock').update({ is_locked: 1 });
    expect(await migrate(database, MIGRATIONS)).toEqual([...MIGRATIONS.keys()]);
  });

  test('one that fails leaves nothing of itself', async () => {
    const failing = new Map([
      ...MIGRATIONS,
      [
        '9999-fails',
        {
          up: async (knex: Database) => {
            await knex.schema.createTable('half', (table) => table.increments('id'));
            throw new Error('half way');
          },
          down: async () => {},
        },
      ],
    ]);
    await expect(migrate(database, failing)).rejects.toThrow('half way');
    expect(await database.schema.hasTable('half')).toBe(false);
    // One batch, one transaction: the ones before it are taken back too.
    expect(await database.schema.hasTable('chat_files')).toBe(false);
    expect(await migrate(database, MIGRATIONS)).toEqual([...MIGRATIONS.keys()]);
  });
});

async function pragmasOf(under: Database): Promise<Record<string, unknown>> {
  const found: Record<string, unknown> = {};
  for (const name of Object.keys(DURABLE)) {
    const [row] = await under.raw(`pragma ${name}`);
    found[name] = Object.values(row as object)[0];
  }
  return found;
}

/** Without the migrations' own tables, which stay. */
async function schemaOf(under: Database): Promise<string> {
  const rows: { name: string; tbl_name: string; sql: string | null }[] = await under.raw(
    "select name, tbl_name, sql from sqlite_master where name not like 'sqlite_%' order by type, name",
  );
  return rows
    .filter(({ tbl_name }) => !tbl_name.startsWith('migrations'))
    .map(({ name, sql }) => `${name}: ${sql}`)
    .join('\n');
}
