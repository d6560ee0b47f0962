/** What is owed, as a scrape asks for it: how much, how much of it fails, and since when. */
import { afterAll, beforeAll, expect, test } from 'vitest';
import { createJobList } from '../../server/database/job-list.ts';
import { createPreviewJobTable } from '../../server/database/preview-job-table.ts';
import { createUploadTable } from '../../server/database/upload-table.ts';
import { insertFile, openTestDatabase, type TestDatabase } from '../services/test-database.ts';

let open: TestDatabase;
beforeAll(async () => {
  open = await openTestDatabase();
});
afterAll(() => open.remove());

test('each kind says how many there are, how many fail and how old the oldest is', async () => {
  const { database } = open;
  const jobs = createJobList(database);
  const none = { jobs: 0, failing: 0, oldestSeconds: null };
  const kinds = [
    'finish upload',
    'expire upload',
    'discard upload',
    'delete object',
    'make preview',
    'send webhook',
    'deletion',
  ];
  expect(await jobs.queues(100_000, 5_000)).toEqual(Object.fromEntries(kinds.map((kind) => [kind, none])));
  const fileId = await insertFile(database, { createdAt: 40_000 });
  await database.transaction((transaction) => createPreviewJobTable(database).add(transaction, fileId));
  await database('removed_objects').insert([{ storage_key: 'a' }, { storage_key: 'b', last_error: 'away' }]);
  const upload = { id: 'u', company_id: 'c', session_id: 's', uploader: 'user', name: 'n', size: 5, bytes_received: 5 };
  await database('uploads').insert({
    ...upload,
    state: 'finishing',
    created_at: 1,
    expires_at: 75_000,
    last_error: 'no',
  });
  await database('uploads').insert({ ...upload, id: 'v', state: 'open', size: 9, created_at: 1, expires_at: 90_000 });
  expect(await jobs.queues(100_000, 5_000)).toEqual({
    'finish upload': { jobs: 1, failing: 1, oldestSeconds: 30 },
    'expire upload': { jobs: 1, failing: 0, oldestSeconds: 10 },
    'discard upload': none,
    'delete object': { jobs: 2, failing: 1, oldestSeconds: null },
    'make preview': { jobs: 1, failing: 0, oldestSeconds: 60 },
    'send webhook': none,
    deletion: none,
  });
  const uploads = createUploadTable(database);
  expect([await uploads.countOpen(10), await uploads.countOpen(0)]).toEqual([1, 0]);
});
