/** Expiry and deletion as jobs: one that fails waits for its turn, is seen by `chatdrop jobs`, and holds up no other. */
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { createDeletionTable } from '../../server/database/deletion-table.ts';
import { createEventLedger } from '../../server/database/event-ledger.ts';
import { createJobList } from '../../server/database/job-list.ts';
import { createRemovedObjectTable } from '../../server/database/removed-object-table.ts';
import { createUploadTable, type NewUpload, type UploadTable } from '../../server/database/upload-table.ts';
import { createCleanUp } from '../../server/jobs/clean-up.ts';
import { createOwedFinishes } from '../../server/jobs/owed-finishes.ts';
import { Failure } from '../../server/rules/failure.ts';
import { newUploadId } from '../../server/rules/upload-id.ts';
import { createAbortUpload } from '../../server/sharing/abort-upload.ts';
import { createDeleteRemovedBytes } from '../../server/sharing/delete-removed-bytes.ts';
import { createDiscardBytes } from '../../server/sharing/discard-bytes.ts';
import { openTestDatabase, type TestDatabase } from '../services/test-database.ts';

const MINUTE_MS = 60_000;
let open: TestDatabase;
let uploads: UploadTable;
let now = 1_000_000;
/** Bytes of unfinished uploads, by id. */
const incoming = new Map<string, number>();
const stuck = new Set<string>();
const locked = new Set<string>();
let isMoving = false;
/** Waits a minute and a half for the store, in vain. */
let isAway = false;
let asked = 0;

beforeAll(async () => {
  open = await openTestDatabase();
  uploads = createUploadTable(open.database);
});
beforeEach(async () => {
  now = 1_000_000;
  isMoving = false;
  isAway = false;
  asked = 0;
  for (const held of [incoming, stuck, locked]) held.clear();
  for (const table of ['uploads', 'removed_objects']) await open.database(table).delete();
});
afterAll(() => open.remove());

describe('expiry', () => {
  test('ends what is over and deletes its bytes; what is not over stays', async () => {
    const old = await upload({ expiresAt: now - 1 });
    const young = await upload({ expiresAt: now + 1 });
    expect(await cleanUp().expireUploads()).toBe(1);
    expect([await stateOf(old), await stateOf(young), [...incoming.keys()]]).toEqual(['expired', 'open', [young]]);
    expect(await jobs()).toEqual([]);
  });

  test('that fails waits longer each time, is listed with its fault, and holds up no other', async () => {
    const held = await upload({ expiresAt: now - 10 });
    const other = await upload({ expiresAt: now - 5 });
    locked.add(held);
    expect(await cleanUp().expireUploads()).toBe(1);
    expect([await stateOf(held), await stateOf(other)]).toEqual(['open', 'expired']);
    const job = {
      kind: 'expire upload',
      key: held,
      since: expect.any(Number),
      lastError: expect.stringContaining('locked'),
    };
    expect(await jobs()).toEqual([{ ...job, state: 'waiting', attempts: 1, nextAttemptAt: now + 1000 }]);
    expect(await cleanUp().expireUploads()).toBe(0);
    now += 1000;
    await cleanUp().expireUploads();
    expect(await jobs()).toEqual([{ ...job, state: 'waiting', attempts: 2, nextAttemptAt: now + 2000 }]);
    locked.clear();
    now += 2000;
    expect((await jobs())[0]).toMatchObject({ state: 'due' });
    expect(await cleanUp().expireUploads()).toBe(1);
    expect(await jobs()).toEqual([]);
  });

  test('whose bytes cannot be deleted has ended all the same; the deletion is a job of its own', async () => {
    const id = await upload({ expiresAt: now - 1 });
    stuck.add(id);
    expect(await cleanUp().expireUploads()).toBe(1);
    expect(await stateOf(id)).toBe('expired');
    expect(await jobs()).toEqual([
      {
        kind: 'discard upload',
        since: expect.any(Number),
        key: id,
        state: 'waiting',
        attempts: 1,
        nextAttemptAt: now + 1000,
        lastError: expect.stringContaining('stuck'),
      },
    ]);
    now += 1000;
    expect(await cleanUp().deleteRemovedBytes()).toBe(0);
    expect((await jobs())[0]).toMatchObject({ attempts: 2, nextAttemptAt: now + 2000 });
    stuck.clear();
    now += MINUTE_MS;
    expect([await cleanUp().deleteRemovedBytes(), await jobs(), incoming.size]).toEqual([1, [], 0]);
  });
});

describe('orphaned bytes', () => {
  test('go, whether their row ended or never was; those of a living upload stay', async () => {
    const living = await upload({});
    const ended = await upload({});
    await uploads.abort(ended);
    incoming.set(newUploadId(), 7);
    expect([await cleanUp().dropOrphans(), [...incoming.keys()]]).toEqual([2, [living]]);
  });

  test('that no row knows stay while files move: they are copies under way', async () => {
    await uploads.abort(await upload({}));
    incoming.set('a copy', 5);
    isMoving = true;
    expect([await cleanUp().dropOrphans(), [...incoming.keys()]]).toEqual([1, ['a copy']]);
    isMoving = false;
    expect([await cleanUp().dropOrphans(), [...incoming.keys()]]).toEqual([1, []]);
  });

  test('of which one cannot be deleted: the others go, and the chore tells of it', async () => {
    const first = newUploadId();
    incoming.set(first, 1).set(newUploadId(), 1).set(newUploadId(), 1);
    stuck.add(first);
    await expect(cleanUp().dropOrphans()).rejects.toThrow('1 uploads’ bytes cannot be deleted: Error: stuck');
    expect([...incoming.keys()]).toEqual([first]);
  });
});

test('a file’s bytes that cannot be deleted are a job with its key', async () => {
  await open.database('removed_objects').insert({ storage_key: 'chat/c/s/stuck' });
  stuck.add('chat/c/s/stuck');
  await cleanUp().deleteRemovedBytes();
  expect(await jobs()).toEqual([
    {
      kind: 'delete object',
      since: null,
      key: 'chat/c/s/stuck',
      state: 'waiting',
      attempts: 1,
      nextAttemptAt: now + 1000,
      lastError: 'Error: stuck',
    },
  ]);
});

describe('a store that takes requests and says nothing', () => {
  beforeEach(() => {
    isAway = true;
  });

  test('is asked once to delete files; the others wait for the next run, and none is forgotten', async () => {
    for (const name of ['a', 'b', 'c'])
      await open.database('removed_objects').insert({ storage_key: `chat/c/s/${name}` });
    expect([await cleanUp().deleteRemovedBytes(), asked]).toEqual([0, 1]);
    expect((await jobs()).map(({ attempts }) => attempts).sort()).toEqual([0, 0, 1]);
    isAway = false;
    now += MINUTE_MS;
    expect([await cleanUp().deleteRemovedBytes(), await jobs()]).toEqual([3, []]);
  });

  test('is asked once about uploads that expired: all have ended, and their bytes go later', async () => {
    for (let count = 0; count < 3; count += 1) await upload({ expiresAt: now - 1 });
    expect([await cleanUp().expireUploads(), asked]).toEqual([3, 1]);
    expect((await jobs()).map(({ kind }) => kind)).toEqual(Array(3).fill('discard upload'));
    isAway = false;
    now += MINUTE_MS;
    expect([await cleanUp().deleteRemovedBytes(), await jobs(), incoming.size]).toEqual([3, [], 0]);
  });

  test('is asked once about orphaned bytes, and the chore tells of it', async () => {
    for (let count = 0; count < 3; count += 1) incoming.set(newUploadId(), 1);
    await expect(cleanUp().dropOrphans()).rejects.toThrow('1 uploads’ bytes cannot be deleted');
    expect(asked).toBe(1);
  });

  test('is asked once to finish; what is complete and was not noted is finished later', async () => {
    const ids: string[] = [];
    for (let count = 0; count < 3; count += 1) ids.push(await upload({ sizeBytes: 3 }));
    const finished: string[] = [];
    const owed = createOwedFinishes({
      uploads,
      storage: { offsetOf: async (id) => incoming.get(id) ?? null },
      finishUpload: async (id) => {
        asked += 1;
        if (isAway) {
          now += 90_000;
          throw new Failure('try-again', '', { cause: new Failure('storage-unavailable') });
        }
        finished.push(id);
        return 1;
      },
      onFault: () => {},
      holder: 'process',
      now: () => now,
    });
    await owed.lookAtAll();
    expect(asked).toBe(1);
    isAway = false;
    // Without another look over all: those that were not asked about are noted.
    await owed.sweep();
    expect(finished).toHaveLength(2);
    await owed.lookAtAll();
    expect(new Set(finished)).toEqual(new Set(ids));
  });
});

test('a deleted company’s ledger is forgotten an hour later, and its numbers never come again', async () => {
  const HOUR_MS = 60 * MINUTE_MS;
  const ledger = createEventLedger(open.database);
  const deletions = createDeletionTable(open.database);
  const of = { company: 'gone', session: null, fileId: null, requestedAt: now, throughFileId: 9, isRowsDone: true };
  const requester = { role: 'admin' as const, subject: null };
  const { id, fileId } = await open.database.transaction(async (transaction) => {
    await ledger.hold(transaction, 'gone');
    const files = [1, 2, 3].map((number) => ({ id: number, session: 's' }));
    await ledger.appendRemoved(transaction, 'gone', files, 'session_deleted', now);
    const base = { ...of, requester, nextAttemptAt: 0 };
    return {
      id: await deletions.insert(transaction, { ...base, kind: 'company' }),
      fileId: await deletions.insert(transaction, { ...base, kind: 'file' }),
    };
  });
  await deletions.complete(id, now, 3);
  await deletions.complete(fileId, now, null);
  const entries = () => ledger.entriesAfter('gone', null, 0, 10);
  expect((await entries()).map(({ seq, fileId: file }) => [seq, file])).toEqual([
    [1, 1],
    [2, 2],
    [3, 3],
  ]);
  now += HOUR_MS;
  await cleanUp().forget();
  expect(await entries()).toHaveLength(3);
  now += 1;
  await cleanUp().forget();
  expect([await entries(), await ledger.lastSeq('gone')]).toEqual([[], 3]);
  // Who was away meanwhile is told to begin anew.
  expect(await ledger.keepsAllAfter('gone', 1)).toBe(false);
  expect(await deletions.find(fileId)).not.toBeNull();
  now += 366 * 24 * HOUR_MS;
  await cleanUp().forget();
  expect([await deletions.find(fileId), (await deletions.find(id))?.kind]).toEqual([null, 'company']);
});

test('a finish is running while its lease lasts, and due after it', async () => {
  const id = await upload({ sizeBytes: 5 });
  await uploads.takeLease(id, { token: 'process.try', untilMs: now + 10 }, now);
  expect(await jobs()).toMatchObject([{ kind: 'finish upload', key: id, state: 'running', attempts: 1 }]);
  now += 11;
  expect(await jobs()).toMatchObject([{ state: 'due' }]);
  expect(await createJobList(open.database).count(now)).toEqual({
    'finish upload': 1,
    'expire upload': 0,
    'discard upload': 0,
    'make preview': 0,
    'send webhook': 0,
    'delete object': 0,
    deletion: 0,
  });
});

function cleanUp() {
  const failing = async (name: string) => {
    asked += 1;
    if (isAway) {
      now += 90_000;
      throw new Failure('storage-unavailable');
    }
    if (stuck.has(name)) throw new Error('stuck');
    incoming.delete(name);
  };
  const storage = {
    discard: failing,
    remove: failing,
    offsetOf: async (id: string) => incoming.get(id) ?? null,
    async *incomingIds() {
      yield* [...incoming.keys()];
    },
  };
  const clock = { now: () => now };
  const discardBytes = createDiscardBytes({ uploads, storage, ...clock });
  const ending = { ...storage, discard: discardBytes.discard };
  return createCleanUp({
    uploads,
    storage,
    ledger: createEventLedger(open.database),
    deletions: createDeletionTable(open.database),
    limits: { forget: async () => 0 },
    audit: { forget: async () => 0 },
    auditKeptSeconds: 90 * 86_400,
    infections: { purge: async () => 0 },
    days: { forget: async () => 0 },
    webhookDeliveries: { forget: async () => 0 },
    statistics: { forget: async () => 0 },
    finishUpload: async () => 1,
    abortUpload: createAbortUpload({ uploads, storage: ending, report: () => {}, ...clock }),
    exclusively: async (id, work) => {
      if (locked.has(id)) throw new Failure('try-again', 'locked');
      return work();
    },
    deleteRemovedBytes: createDeleteRemovedBytes({
      removedObjects: createRemovedObjectTable(open.database),
      storage,
      ...clock,
    }),
    discardBytes,
    isMoving: async () => isMoving,
    ...clock,
  });
}

async function upload(over: Partial<NewUpload>): Promise<string> {
  const id = newUploadId();
  const blank = { concat: null, subject: null, declaredType: null, metadata: null, fileKey: null, sha256: null };
  const named = { company: 'company', session: 'session', uploader: 'user' as const, name: 'photo.png' };
  const times = { createdAt: now, expiresAt: now + MINUTE_MS };
  const size = { sizeBytes: 10, reservedBytes: 10, oneRequest: false, holder: null };
  const row = { id, ...blank, ...named, ...size, ...times, ...over };
  await open.database.transaction((transaction) => uploads.insert(transaction, row));
  incoming.set(id, 3);
  return id;
}

async function stateOf(id: string): Promise<string | undefined> {
  return (await uploads.find(id))?.state;
}

async function jobs() {
  return createJobList(open.database).list(now, 100);
}
