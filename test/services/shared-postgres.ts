/** One PostgreSQL for all tests of the project `postgres`: started before the first, with a database for each that asks. */
import { randomBytes } from 'node:crypto';
import pg from 'pg';
import { inject } from 'vitest';
import type { TestProject } from 'vitest/node';
import { startPostgres } from './postgres.ts';

declare module 'vitest' {
  interface ProvidedContext {
    postgresUrl?: string;
  }
}

/** vitest's global setup. @returns what ends it */
export async function setup(project: TestProject): Promise<() => Promise<void>> {
  const postgres = await startPostgres();
  project.provide('postgresUrl', postgres.url);
  return postgres.close;
}

/** A new, empty database; null where the tests run on SQLite, and outside of them (scripts that take pictures). */
export async function newTestDatabase(): Promise<string | null> {
  const url = process.env.VITEST === undefined ? undefined : inject('postgresUrl');
  if (url === undefined) return null;
  const name = `test_${randomBytes(6).toString('hex')}`;
  const client = new pg.Client({ connectionString: url });
  await client.connect();
  try {
    await client.query(`create database ${name}`);
  } finally {
    await client.end();
  }
  return Object.assign(new URL(url), { pathname: `/${name}` }).href;
}
