/** The first tables: uploads, files, sessions, profiles, the ledger, and the list of bytes to delete. */
import type { Knex } from 'knex';
import { createTrigger, dropTrigger } from './triggers.ts';

/** Times are milliseconds since the epoch, in both dialects. Text that people write has no length: the rules bound it. */
export async function up(knex: Knex): Promise<void> {
  await createPeople(knex);
  await createUploads(knex);
  await createFiles(knex);
  await createLedger(knex);
  await createRemovedObjects(knex);
}

export async function down(knex: Knex): Promise<void> {
  await dropTrigger(knex, 'chat_files_bytes_follow', 'chat_files');
  for (const table of [
    'removed_objects',
    'ledger',
    'ledger_counters',
    'chat_files',
    'uploads',
    'user_profiles',
    'chat_sessions',
    'server_values',
  ]) {
    await knex.schema.dropTable(table);
  }
}

async function createPeople(knex: Knex): Promise<void> {
  await knex.schema.createTable('server_values', (table) => {
    table.string('name', 64).primary();
    table.text('value').notNullable();
  });
  await knex.schema.createTable('chat_sessions', (table) => {
    table.bigIncrements('id');
    table.string('company_id', 64).notNullable();
    table.string('session_id', 64).notNullable();
    table.bigInteger('created_at').notNullable();
    table.unique(['company_id', 'session_id']);
  });
  await knex.schema.createTable('user_profiles', (table) => {
    table.bigIncrements('id');
    table.string('company_id', 64).notNullable();
    table.string('role', 16).notNullable();
    table.text('subject').notNullable();
    table.bigInteger('created_at').notNullable();
    table.unique(['company_id', 'role', 'subject']);
  });
}

async function createUploads(knex: Knex): Promise<void> {
  await knex.schema.createTable('uploads', (table) => {
    table.string('id', 32).primary();
    table.string('company_id', 64).notNullable();
    table.string('session_id', 64).notNullable();
    table.string('uploader', 16).notNullable();
    table.text('subject');
    table.text('name').notNullable();
    table.text('declared_type');
    table.bigInteger('size');
    table.text('metadata');
    table.text('file_key');
    table.string('sha256', 64);
    table.string('state', 16).notNullable();
    table.string('mime_type', 127);
    table.string('storage_key', 255);
    table.bigInteger('bytes_received').notNullable().defaultTo(0);
    table.string('lease_token', 64);
    table.bigInteger('lease_until');
    table.integer('attempts').notNullable().defaultTo(0);
    table.bigInteger('next_attempt_at').notNullable().defaultTo(0);
    table.text('last_error');
    table.string('refusal_code', 64);
    table.text('refusal_detail');
    table.bigInteger('file_id');
    table.bigInteger('created_at').notNullable();
    table.bigInteger('expires_at').notNullable();
    table.bigInteger('ended_at');
    table.index(['company_id', 'session_id', 'state']);
    table.index(['state', 'expires_at']);
  });
}

async function createFiles(knex: Knex): Promise<void> {
  await knex.schema.createTable('chat_files', (table) => {
    table.bigIncrements('id');
    table.string('upload_id', 32).notNullable().unique();
    table.string('company_id', 64).notNullable();
    table.string('session_id', 64).notNullable();
    table.string('uploader', 16).notNullable();
    table.string('storage_key', 255).notNullable().unique();
    table.text('original_name').notNullable();
    // Lower case by Unicode's rules: SQLite folds ASCII only.
    table.text('search_name').notNullable();
    table.string('mime_type', 127).notNullable();
    table.bigInteger('size').notNullable();
    table.string('thumbnail', 255);
    table.integer('width');
    table.integer('height');
    table.string('placeholder', 64);
    table.string('scan', 16).notNullable().defaultTo('not_scanned');
    table.string('sha256', 64);
    table.bigInteger('seq').notNullable();
    table.bigInteger('created_at').notNullable();
    table.bigInteger('user_profile_id').references('id').inTable('user_profiles').onDelete('SET NULL');
    table.bigInteger('chat_session_id').references('id').inTable('chat_sessions').onDelete('CASCADE');
    table.index(['company_id', 'session_id', 'id']);
    table.index(['user_profile_id']);
    table.index(['chat_session_id']);
  });
}

async function createLedger(knex: Knex): Promise<void> {
  await knex.schema.createTable('ledger_counters', (table) => {
    table.string('company_id', 64).primary();
    table.bigInteger('last_seq').notNullable();
  });
  await knex.schema.createTable('ledger', (table) => {
    table.string('company_id', 64).notNullable();
    table.bigInteger('seq').notNullable();
    table.string('session_id', 64).notNullable();
    table.string('type', 32).notNullable();
    table.bigInteger('file_id').notNullable();
    table.string('reason', 32);
    table.bigInteger('created_at').notNullable();
    table.primary(['company_id', 'seq']);
    table.index(['company_id', 'session_id', 'seq']);
    table.index(['created_at']);
  });
}

async function createRemovedObjects(knex: Knex): Promise<void> {
  await knex.schema.createTable('removed_objects', (table) => {
    table.string('storage_key', 255).primary();
    table.integer('attempts').notNullable().defaultTo(0);
    table.bigInteger('next_attempt_at').notNullable().defaultTo(0);
    table.text('last_error');
  });
  // The bytes follow the row however it goes, also by the cascade of a deleted session: nothing is orphaned.
  await createTrigger(
    knex,
    'chat_files_bytes_follow',
    'chat_files',
    'after delete',
    `
      insert into removed_objects (storage_key) values (old.storage_key) on conflict do nothing;
      insert into removed_objects (storage_key) select old.thumbnail where old.thumbnail is not null on conflict do nothing;`,
  );
}
