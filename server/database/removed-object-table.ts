/** `removed_objects`: bytes whose row is gone and which are still to be deleted. A trigger fills it. */
import type { Knex } from 'knex';
import type { Database } from './open-database.ts';
import { runnerOf } from './run-statements.ts';
import { changesOf, type Steps, statement } from './statement.ts';

export type RemovedObject = { storageKey: string; attempts: number };
// One statement for both: each small file asks, and hardly any installation knows of bad bytes.
const NOTE_PLACE = statement(
  `insert into removed_objects (storage_key, next_attempt_at) select cast(? as varchar(255)), cast(? as bigint)
   where not exists (select 1 from known_bad_files where size = ?)`,
);
const TAKE_PLACE = statement('delete from removed_objects where storage_key = ? and next_attempt_at > ?');
const GIVE_UP_PLACE = statement('update removed_objects set next_attempt_at = 0 where storage_key = ?');

const steps = {
  /** Inside the transaction that makes it a file. @returns false when the bytes are deleted from `dueMs` on, or before: they are nobody's */
  *takePlace(storageKey: string, dueMs: number): Steps<boolean> {
    return (yield* changesOf(TAKE_PLACE, [storageKey, dueMs])) === 1;
  },
};

export type RemovedObjectTable = ReturnType<typeof createRemovedObjectTable>;

export function createRemovedObjectTable(database: Database) {
  const runner = runnerOf(database);
  return {
    /** To be deleted, although no row of `chat_files` was: the bytes of a refused upload. */
    async add(transaction: Knex.Transaction, storageKey: string, nextAttemptAt = 0): Promise<void> {
      await transaction('removed_objects')
        .insert({ storage_key: storageKey, next_attempt_at: nextAttemptAt })
        .onConflict('storage_key')
        .ignore();
    },

    steps,

    /**
     * A key at which bytes are about to be written that no row names yet: they are deleted from `untilMs` on, unless the
     * transaction that makes them a file has taken the key off by then.
     * @param sizeBytes as they are stored @returns false, and notes nothing, where bytes of this size are known to be bad
     */
    async notePlace(storageKey: string, untilMs: number, sizeBytes: number): Promise<boolean> {
      return (await runner.write(() => changesOf(NOTE_PLACE, [storageKey, untilMs, sizeBytes]))) === 1;
    },

    /** Its bytes will be no file's: whoever would still make them one finds that. @returns false when they are one's already */
    async giveUpPlace(storageKey: string): Promise<boolean> {
      return (await runner.write(() => changesOf(GIVE_UP_PLACE, [storageKey]))) === 1;
    },

    /** Of processes that are all dead. */
    async giveUpPlaces(): Promise<void> {
      await database('removed_objects')
        .where({ attempts: 0 })
        .andWhere('next_attempt_at', '>', 0)
        .update({ next_attempt_at: 0 });
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
