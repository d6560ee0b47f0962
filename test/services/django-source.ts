/** The original service's table and media folder, as Django makes them: on SQLite, or on PostgreSQL in the runs for that. */
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import knex, { type Knex } from 'knex';
import { newTestDatabase } from './shared-postgres.ts';

export type DjangoRow = {
  id?: number;
  company_id: string;
  session_id: string;
  uploader: string;
  file: string;
  original_name: string;
  mime_type?: string;
  size: number;
  thumbnail?: string | null;
  created_at?: string;
};

export type DjangoSource = {
  /** For `--from`. */
  from: string;
  media: string;
  /** For what else a test writes. */
  folder: string;
  database: Knex;
  /** Puts the bytes where the row says, unless they are null. @returns the row's id */
  add(row: DjangoRow, bytes: Buffer | null): Promise<number>;
  close(): Promise<void>;
};

/** As `sqlmigrate` prints it for the two: what Chatdrop does not read is there too. */
const TABLE = {
  sqlite: `create table "chat_chatfile" ("id" integer not null primary key autoincrement, "company_id" varchar(64) not null,
    "session_id" varchar(64) not null, "uploader" varchar(16) not null, "file" varchar(100) not null,
    "original_name" varchar(255) not null, "mime_type" varchar(127) not null, "size" bigint not null,
    "thumbnail" varchar(200) null, "created_at" datetime not null, "chat_session_id" bigint null, "user_profile_id" bigint null)`,
  postgres: `create table "chat_chatfile" ("id" bigserial not null primary key, "company_id" varchar(64) not null,
    "session_id" varchar(64) not null, "uploader" varchar(16) not null, "file" varchar(100) not null,
    "original_name" varchar(255) not null, "mime_type" varchar(127) not null, "size" bigint not null,
    "thumbnail" varchar(200) null, "created_at" timestamp with time zone not null, "chat_session_id" bigint null,
    "user_profile_id" bigint null)`,
};

export async function makeDjangoSource(): Promise<DjangoSource> {
  const folder = await mkdtemp(path.join(tmpdir(), 'chatdrop-django-'));
  const media = path.join(folder, 'media');
  await mkdir(media);
  const postgresUrl = await newTestDatabase();
  const from = postgresUrl ?? path.join(folder, 'db.sqlite3');
  const database =
    postgresUrl === null
      ? knex({ client: 'better-sqlite3', connection: { filename: from }, useNullAsDefault: true })
      : knex({ client: 'pg', connection: postgresUrl });
  await database.raw(postgresUrl === null ? TABLE.sqlite : TABLE.postgres);
  return {
    from,
    media,
    folder,
    database,
    async add(row, bytes) {
      const usual = { mime_type: 'text/plain', thumbnail: null, created_at: '2025-09-04 12:34:56.789012' };
      const [added] = await database('chat_chatfile')
        .insert({ ...usual, ...row })
        .returning('id');
      if (bytes === null) return Number(added.id);
      const place = path.join(media, row.file);
      await mkdir(path.dirname(place), { recursive: true });
      await writeFile(place, bytes);
      return Number(added.id);
    },
    async close() {
      await database.destroy();
      await rm(folder, { recursive: true, force: true });
    },
  };
}
