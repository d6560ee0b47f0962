/** A small file beside everything that can go wrong between its bytes and its row: one file, or nothing. */
import { createHash } from 'node:crypto';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest';
import type { ProgressState } from '../../server/contract/events.ts';
import { createAuditTable } from '../../server/database/audit-table.ts';
import { createChatFileTable } from '../../server/database/chat-file-table.ts';
import { createCompanyDayTable } from '../../server/database/company-day-table.ts';
import { createCompanyUsageTable } from '../../server/database/company-usage-table.ts';
import { DatabaseUnreachable } from '../../server/database/database-failure.ts';
import { createEventLedger } from '../../server/database/event-ledger.ts';
import { createPeopleTable } from '../../server/database/people-table.ts';
import { createPreviewJobTable } from '../../server/database/preview-job-table.ts';
import { createRemovedObjectTable } from '../../server/database/removed-object-table.ts';
import { runnerOf } from '../../server/database/run-statements.ts';
import type { Runner } from '../../server/database/statement.ts';
import { createUploadPartTable } from '../../server/database/upload-part-table.ts';
import { createUploadTable, type NewUpload } from '../../server/database/upload-table.ts';
import { MIN_COMPRESSED_BYTES } from '../../server/pictures/limits.ts';
import { findKeptBytes } from '../../server/pictures/strip-metadata.ts';
import { newUploadId } from '../../server/rules/upload-id.ts';
import { UNWATCHED } from '../../server/rules/watch.ts';
import { createDeleteRemovedBytes } from '../../server/sharing/delete-removed-bytes.ts';
import { createRecordSteps } from '../../server/sharing/record-file.ts';
import { createRejectUpload } from '../../server/sharing/reject-upload.ts';
import { createReserveBytes } from '../../server/sharing/reserve-bytes.ts';
import { createShareSmall } from '../../server/sharing/share-small.ts';
import type { FileStorage } from '../../server/storage/file-storage.ts';
import { createLocalStorage } from '../../server/storage/local-storage.ts';
import { exeFile, pngFile, textFile } from '../services/fixtures.ts';
import { photo } from '../services/pictures.ts';
import { openTestDatabase, type TestDatabase } from '../services/test-database.ts';
import { testPolicy } from '../services/test-policy.ts';

const PLACE_KEPT_MS = 10 * 60 * 1000;
const QUOTA_BYTES = 100_000;
const KNOWN_BAD_BYTES = 4711;
const POLICY = testPolicy({ companyQuotaBytes: QUOTA_BYTES, allowedTypes: { user: ['*'], agent: ['*'] } });
let open: TestDatabase;
let folder: string;
let real: FileStorage;
let company = '';
let made = 0;
let later = 0;
const told: [string, ProgressState][] = [];

beforeAll(async () => {
  open = await openTestDatabase();
  folder = await mkdtemp(join(tmpdir(), 'chatdrop-small-'));
  real = await createLocalStorage(folder);
});
afterAll(async () => {
  await open.remove();
  await rm(folder, { recursive: true });
});
beforeEach(() => {
  made += 1;
  company = `c${made}`;
  later = 0;
  told.length = 0;
});

test('is a file, at its key, with its row finished; nothing is noted for deletion', async () => {
  const { shareSmall } = parts();
  const body = textFile(3000);
  const upload = announced(body);
  const fileId = await shareSmall.create(upload, body);
  expect(await state()).toEqual({ files: [fileId], objects: 1, places: 0, uploads: ['finished'], bytes: body.length });
  const row = await createUploadTable(open.database).find(upload.upload.id);
  expect(row).toMatchObject({ fileId, bytesReceived: body.length, sizeBytes: body.length, mimeType: 'text/plain' });
  const stored = await real.open(String(row?.storageKey));
  expect(Buffer.from((await stored?.read(0, body.length)) ?? '').equals(body)).toBe(true);
  await stored?.close();
  expect(told).toEqual([
    ['wake', 'done'],
    ['report', 'done'],
  ]);
});

test('that is refused leaves its row, with the reason, and nothing else', async () => {
  const body = exeFile();
  await expect(parts().shareSmall.create(announced(body), body)).rejects.toMatchObject({ code: 'executable' });
  expect(await state()).toEqual({ files: [], objects: 0, places: 0, uploads: ['rejected'], bytes: 0 });
  expect(told).toEqual([]);
});

test('of a right checksum it is kept; with a wrong one it goes the ordinary way, and nothing was done before', async () => {
  const body = textFile();
  const { shareSmall } = parts();
  const wrong = announced(body, { sha256: '0'.repeat(64) });
  expect(await shareSmall.create(wrong, body)).toBeNull();
  expect(await state()).toEqual({ files: [], objects: 0, places: 0, uploads: [], bytes: 0 });
  const sha256 = createHash('sha256').update(body).digest('hex');
  const fileId = await shareSmall.create(announced(body, { sha256 }), body);
  expect(await open.database('chat_files').where({ id: fileId }).first('sha256')).toEqual({ sha256 });
});

test('twenty at once, with room for five: five files, and no trace of the others', async () => {
  const { shareSmall } = parts();
  const body = textFile(QUOTA_BYTES / 5);
  const results = await Promise.allSettled(Array.from({ length: 20 }, () => shareSmall.create(announced(body), body)));
  const refused = results.filter((result) => result.status === 'rejected');
  expect(refused.map(({ reason }) => reason.code)).toEqual(Array(15).fill('quota-exceeded'));
  const after = await state();
  expect(after).toMatchObject({ objects: 5, places: 0, uploads: Array(5).fill('finished'), bytes: QUOTA_BYTES });
  expect(after.files).toHaveLength(5);
});

test('a store that fails: nothing is left but the key that is to be deleted, and an open upload stays open', async () => {
  const body = textFile();
  const { shareSmall } = parts({
    storage: {
      ...real,
      async putWhole(key, bytes, sizeBytes) {
        await real.putWhole(key, bytes, sizeBytes);
        throw new Error('it said nothing more');
      },
    },
  });
  await expect(shareSmall.create(announced(body), body)).rejects.toMatchObject({ code: 'storage-unavailable' });
  const upload = await inserted(body);
  await expect(shareSmall.complete(upload, body)).rejects.toMatchObject({ code: 'storage-unavailable' });
  expect(await state()).toEqual({ files: [], objects: 0, places: 2, uploads: ['open'], bytes: body.length });
});

test('a process that was held up until its bytes were deleted has no file', async () => {
  const body = textFile();
  const { shareSmall, deleteRemovedBytes } = parts({
    storage: {
      ...real,
      async putWhole(key, bytes, sizeBytes) {
        await real.putWhole(key, bytes, sizeBytes);
        later += PLACE_KEPT_MS;
        await deleteRemovedBytes();
      },
    },
  });
  await expect(shareSmall.create(announced(body), body)).rejects.toMatchObject({ code: 'gone' });
  expect(await state()).toEqual({ files: [], objects: 0, places: 0, uploads: [], bytes: 0 });
});

test('so has one that is late: what is deleted soon is not recorded any more', async () => {
  const body = textFile();
  const { shareSmall } = parts({
    storage: {
      ...real,
      async putWhole(key, bytes, sizeBytes) {
        await real.putWhole(key, bytes, sizeBytes);
        later += PLACE_KEPT_MS - 1000;
      },
    },
  });
  await expect(shareSmall.create(announced(body), body)).rejects.toMatchObject({ code: 'gone' });
  expect(await state()).toEqual({ files: [], objects: 0, places: 0, uploads: [], bytes: 0 });
});

test.each([
  ['committed, and the answer is lost', true, 1],
  ['not committed, once', false, 1],
])('a database that breaks off, %s: one file, and the client hears of it', async (_title, isCommitted, times) => {
  const body = textFile();
  let left = times;
  const { shareSmall } = parts({
    async transact(work) {
      left -= 1;
      if (left >= 0 && isCommitted) await runnerOf(open.database).transact(work);
      if (left >= 0) throw new DatabaseUnreachable(new Error('the connection ended'));
      return runnerOf(open.database).transact(work);
    },
  });
  const fileId = await shareSmall.create(announced(body), body);
  expect(await state()).toEqual({ files: [fileId], objects: 1, places: 0, uploads: ['finished'], bytes: body.length });
});

test('a database that stays away: the client is told to try again, and nothing is left', async () => {
  const body = textFile();
  const { shareSmall } = parts({
    transact: async () => {
      throw new DatabaseUnreachable(new Error('nobody is there'));
    },
  });
  await expect(shareSmall.create(announced(body), body)).rejects.toThrow('cannot be reached');
  expect(await state()).toEqual({ files: [], objects: 0, places: 0, uploads: [], bytes: 0 });
});

test('an upload that ends meanwhile has no file; one that is completed twice at once has one', async () => {
  const { shareSmall } = parts();
  const uploads = createUploadTable(open.database);
  const body = pngFile({ bytes: 5000 });
  const aborted = await inserted(body);
  await uploads.abort(aborted.id);
  await expect(shareSmall.complete(aborted, body)).rejects.toMatchObject({ code: 'gone' });
  expect(await state()).toEqual({ files: [], objects: 0, places: 0, uploads: ['aborted'], bytes: 0 });

  const upload = await inserted(body);
  const [one, other] = await Promise.all([shareSmall.complete(upload, body), shareSmall.complete(upload, body)]);
  expect(one).toBe(other);
  expect(await state()).toMatchObject({ files: [one], objects: 1, places: 0, uploads: ['aborted', 'finished'] });
});

test('what has to be scanned, made smaller or compared with known viruses goes the ordinary way, and nothing was done before', async () => {
  const body = pngFile({ bytes: MIN_COMPRESSED_BYTES });
  const { shareSmall } = parts();
  const smaller = { ...announced(body), policy: { ...POLICY, compressImagesPx: 100 } };
  expect(await shareSmall.create(smaller, body)).toBeNull();
  const scanned = { ...announced(body), policy: { ...POLICY, scanRequired: true } };
  expect([await shareSmall.create(scanned, body), shareSmall.takes(10, scanned.policy)]).toEqual([null, false]);
  const noteBad = (size: number) =>
    open.database('known_bad_files').insert({ sha256: `${size}`.padEnd(64, '0'), size, signature: 'x', found_at: 1 });
  const sizeOfBad = textFile(KNOWN_BAD_BYTES);
  await noteBad(KNOWN_BAD_BYTES);
  expect(await shareSmall.create(announced(sizeOfBad), sizeOfBad)).toBeNull();
  // As it would be stored, which is what was found bad.
  const picture = await photo({ metadata: true });
  const read = async (from: number, bytes: number) => picture.subarray(from, from + bytes);
  const kept = await findKeptBytes({ sizeBytes: picture.length, read }, 'image/jpeg');
  expect(kept?.sizeBytes).toBeLessThan(picture.length);
  await noteBad(kept?.sizeBytes ?? 0);
  const stripped = { ...announced(picture), policy: { ...POLICY, stripMetadata: true } };
  expect(await shareSmall.create(stripped, picture)).toBeNull();
  expect(await state()).toEqual({ files: [], objects: 0, places: 0, uploads: [], bytes: 0 });
});

function parts(over: { storage?: FileStorage; transact?: Runner['transact'] } = {}) {
  const { database } = open;
  const storage = over.storage ?? real;
  const now = () => Date.now() + later;
  const runner = runnerOf(database);
  const uploads = createUploadTable(database);
  const files = createChatFileTable(database);
  const uploadParts = createUploadPartTable(database);
  const removedObjects = createRemovedObjectTable(database);
  const report = (_upload: unknown, _offset: number, state: ProgressState) => void told.push(['report', state]);
  const policyOf = async () => POLICY;
  const needs = { database, runner, uploads, files, storage, removedObjects, report, policyOf, now };
  return {
    deleteRemovedBytes: createDeleteRemovedBytes(needs),
    shareSmall: createShareSmall({
      ...needs,
      watch: UNWATCHED,
      runner: { transact: over.transact ?? runner.transact },
      reserveBytes: createReserveBytes({
        ...{ ...needs, parts: uploadParts, usage: createCompanyUsageTable(database) },
        days: createCompanyDayTable(database),
      }),
      recordSteps: createRecordSteps({
        ...{ ...needs, people: createPeopleTable(), ledger: createEventLedger(database) },
        ...{ audit: createAuditTable(database), previewJobs: createPreviewJobTable(database) },
        wantsPreview: () => false,
      }),
      rejectUpload: createRejectUpload({ ...needs, parts: uploadParts }),
      wake: () => told.push(['wake', 'done']),
      expirySeconds: 86_400,
    }),
  };
}

function announced(body: Buffer, over: Partial<NewUpload> = {}) {
  const createdAt = Date.now();
  const upload: NewUpload = {
    ...{ id: newUploadId(), company, session: 's', uploader: 'user', subject: null, name: 'a' },
    ...{ declaredType: null, sizeBytes: body.length, reservedBytes: body.length, metadata: null, fileKey: null },
    ...{ sha256: null, oneRequest: false, concat: null, holder: null, createdAt, expiresAt: createdAt + 86_400_000 },
    ...over,
  };
  return { upload, policy: POLICY };
}

/** As a creation without bytes leaves it. */
async function inserted(body: Buffer) {
  const { upload } = announced(body);
  const uploads = createUploadTable(open.database);
  await open.database.transaction((transaction) => uploads.insert(transaction, upload));
  const row = await uploads.find(upload.id);
  if (row === null) throw new Error('it is not there');
  return row;
}

/** What the company has: `bytes` as they count for its quota. */
async function state() {
  const { database } = open;
  const keys: string[] = [];
  for await (const key of real.storedKeys()) if (key.startsWith(`chat/${company}/`)) keys.push(key);
  const places = await database('removed_objects').whereLike('storage_key', `chat/${company}/%`);
  const ids = new Set([
    ...(await database('uploads').where({ company_id: company }).pluck('id')),
    ...(await database('chat_files').where({ company_id: company }).pluck('upload_id')),
  ]);
  const found = await Promise.all([...ids].map((id) => createUploadTable(database).find(id)));
  const usage = await database('company_usage').where({ company_id: company }).first('bytes');
  return {
    files: await database('chat_files').where({ company_id: company }).orderBy('id').pluck('id'),
    objects: keys.length,
    places: places.length,
    // As whoever asks for them finds them.
    // As whoever asks for them finds them, wherever their rows are.
    uploads: found.map((upload) => upload?.state).toSorted(),
    bytes: Number(usage?.bytes ?? 0),
  };
}
