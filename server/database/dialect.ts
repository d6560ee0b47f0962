/** Which of the two databases a connection speaks to: for the few statements that differ. */
import type { Knex } from 'knex';

export function isPostgres(database: Knex): boolean {
  return database.client.dialect === 'postgresql';
}
