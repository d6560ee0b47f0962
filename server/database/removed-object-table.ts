/** `removed_objects`: bytes whose row is gone and which are still to be deleted. A trigger fills it. */
import type { Knex } from 'knex';
import type { Database } from './open-database.ts';

export type RemovedObject = { storageKey: string; attempts: number };
export type RemovedObjectTable = ReturnType<typeof createRemovedObjectTable>;

export function createRemovedObjectTable(database: Database) {
  return {
    /** To be deleted, although no row of `chat_files` was: the bytes of a refused upload. */
    async add(transaction: Knex.Transaction, storageKey: string, nextAttemptAt = 0): Promise<void> {
      await transaction('removed_objects')
        .insert({ storage_key: storageKey, next_attempt_at: nextAttemptAt })
        .onConflict('storage_key')
        .ignore();
    },

    /** A deletion waits for these. */
    async assign(transaction: Knex.Transaction, storageKeys: readonly string[], deletionId: number): Promise<void> {
      await transaction('removed_objects')
        .whereIn('storage_key', [...storageKeys])
        .update({ deletion_id: deletionId });
    },

    /** Whether a key that begins so is still to be deleted, whoever removed it. */
    async isAnyBelow(folder: string): Promise<boolean> {
      const below = database('removed_objects').whereRaw('substr(storage_key, 1, ?) = ?', [folder.length, folder]);
      return (await below.first('storage_key')) !== undefined;
    },

    async listDue(nowMs: number, maxObjects: number): Promise<RemovedObject[]> {
      const rows = await database('removed_objects')
        .where('next_attempt_at', '<=', nowMs)
        .orderBy('next_attempt_at')
        .limit(maxObjects);
      return rows.map((row) => ({ storageKey: row.storage_key, attempts: row.attempts }));
    },

    /** The bytes are gone. */
    async done(storageKey: string): Promise<void> {
      await database('removed_objects').where({ storage_key: storageKey }).delete();
    },

    async failed(storageKey: string, error: string, nextAttemptAt: number): Promise<void> {
      await database('removed_objects')
        .where({ storage_key: storageKey })
        .update({
          attempts: database.raw('attempts + 1'),
          last_error: error.slice(0, 1000),
          next_attempt_at: nextAttemptAt,
        });
    },
  };
}
