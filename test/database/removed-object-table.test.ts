/** Bytes follow their row: however a row of `chat_files` goes, its keys are on the list of what is to be deleted. */
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { createRemovedObjectTable, type RemovedObjectTable } from '../../server/database/removed-object-table.ts';
import { createDeleteRemovedBytes } from '../../server/sharing/delete-removed-bytes.ts';
import { insertFile, openTestDatabase, type TestDatabase } from '../services/test-database.ts';

const EVER = Number.MAX_SAFE_INTEGER;
let open: TestDatabase;
let removed: RemovedObjectTable;
beforeAll(async () => {
  open = await openTestDatabase();
  removed = createRemovedObjectTable(open.database);
});
beforeEach(async () => {
  await open.database('chat_sessions').delete();
  await open.database('chat_files').delete();
  await open.database('removed_objects').delete();
});
afterAll(() => open.remove());

describe('the trigger', () => {
  test('notes the file’s key and its thumbnail’s', async () => {
    const id = await insertFile(open.database, { storageKey: 'chat/a' });
    await open.database('chat_files').where({ id }).update({ thumbnail: 'chat/a-small' });
    await insertFile(open.database, { storageKey: 'chat/b' });
    await open.database('chat_files').where({ id }).delete();
    expect(await keys()).toEqual(['chat/a', 'chat/a-small']);
  });

  test('a deleted session takes its files along, and leaves their keys', async () => {
    await insertFile(open.database, { storageKey: 'chat/a' });
    await insertFile(open.database, { storageKey: 'chat/b' });
    await insertFile(open.database, { storageKey: 'chat/other', session: 'other' });
    const remove = (session: string) =>
      open.database('chat_sessions').where({ company_id: 'company', session_id: session }).delete();
    expect([await remove('session'), await remove('session'), await remove('nobody')]).toEqual([1, 0, 0]);
    expect(await keys()).toEqual(['chat/a', 'chat/b']);
    expect(await open.database('chat_files').pluck('storage_key')).toEqual(['chat/other']);
  });

  test('a deletion that is rolled back leaves no key', async () => {
    const id = await insertFile(open.database);
    const failed = open.database.transaction(async (transaction) => {
      await transaction('chat_files').where({ id }).delete();
      throw new Error('after it');
    });
    await expect(failed).rejects.toThrow('after it');
    expect(await keys()).toEqual([]);
  });

  test('a profile that is deleted leaves its files, without it', async () => {
    const id = await insertFile(open.database);
    await open.database('user_profiles').delete();
    expect(await open.database('chat_files').where({ id }).first()).toMatchObject({ user_profile_id: null });
    expect(await keys()).toEqual([]);
  });
});

describe('the list', () => {
  test('takes a key once', async () => {
    await add('chat/a');
    await add('chat/a');
    expect(await keys()).toEqual(['chat/a']);
  });

  test('puts off what failed, and forgets what is done', async () => {
    await add('chat/a');
    await add('chat/b');
    await removed.failed('chat/a', 'x'.repeat(5000), 1000);
    expect(await removed.listDue(999, 10)).toEqual([{ storageKey: 'chat/b', attempts: 0 }]);
    expect(await removed.listDue(1000, 10)).toContainEqual({ storageKey: 'chat/a', attempts: 1 });
    expect(await removed.listDue(1000, 1)).toHaveLength(1);
    await removed.done('chat/a');
    await removed.done('chat/a');
    expect(await keys()).toEqual(['chat/b']);
  });

  test('one object that cannot be deleted does not keep the others', async () => {
    for (const key of ['chat/a', 'chat/b', 'chat/c']) await add(key);
    const gone: string[] = [];
    const storage = {
      async remove(key: string) {
        if (key === 'chat/b') throw new Error('not now');
        gone.push(key);
      },
    };
    const deleteRemovedBytes = createDeleteRemovedBytes({ removedObjects: removed, storage, now: () => 5000 });
    expect([await deleteRemovedBytes(), await deleteRemovedBytes()]).toEqual([2, 0]);
    expect([gone.sort(), await keys()]).toEqual([['chat/a', 'chat/c'], ['chat/b']]);
    expect(await open.database('removed_objects').first()).toMatchObject({ attempts: 1, next_attempt_at: 6000 });
  });
});

function add(key: string): Promise<void> {
  return open.database.transaction((transaction) => removed.add(transaction, key));
}

async function keys(): Promise<string[]> {
  return (await removed.listDue(EVER, 100)).map(({ storageKey }) => storageKey).sort();
}
