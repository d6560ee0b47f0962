/** In `server_values`: which store new files go to, and the move from one store to another that is under way. */
import type { Database } from './open-database.ts';

export type StoreName = 'local' | 's3';
/** `isEntered`: a server has been started on `to`, so that files may be in both. */
export type StoreMove = { from: StoreName; to: StoreName; isEntered: boolean };
export type StoreRecord = ReturnType<typeof createStoreRecord>;

const STORE = 'store';
const MOVE = 'store_move';
/** And the name of the folder or bucket, for each store. */
const PLACE = 'store_place_';
/** Of its own, since the command that copies and the server that starts write at the same time. */
const VERIFIED = 'store_move_verified';

export function createStoreRecord(database: Database) {
  const read = async (name: string): Promise<string | null> =>
    (await database('server_values').where({ name }).first('value'))?.value ?? null;
  const write = async (name: string, value: string) => {
    await database('server_values').insert({ name, value }).onConflict('name').merge();
  };
  return {
    /** Null: no server has started since there is a choice. */
    store: async () => (await read(STORE)) as StoreName | null,
    noteStore: (store: StoreName) => write(STORE, store),
    /** The folder or bucket that a server used as this store, or that files were copied to; null where none was. */
    place: (store: StoreName) => read(PLACE + store),
    notePlace: (store: StoreName, place: string) => write(PLACE + store, place),

    async move(): Promise<StoreMove | null> {
      const text = await read(MOVE);
      return text === null ? null : JSON.parse(text);
    },
    noteMove: (move: StoreMove) => write(MOVE, JSON.stringify(move)),
    /** All files up to this id are in the new store, and were read there. */
    verifiedUpTo: async () => Number((await read(VERIFIED)) ?? 0),
    noteVerified: (fileId: number) => write(VERIFIED, String(fileId)),
    async endMove() {
      await database('server_values').whereIn('name', [MOVE, VERIFIED]).delete();
    },
    /** Whether there is anything that lies in a store. */
    async hasBytes(): Promise<boolean> {
      const rows = await Promise.all([
        database('chat_files').first('id'),
        database('uploads').whereIn('state', ['open', 'finishing']).first('id'),
      ]);
      return rows.some((row) => row !== undefined);
    },
  };
}
