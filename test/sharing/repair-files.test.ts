/** A repair that would take most of it away is no repair: the volume or the database is the wrong one. */
import { afterAll, beforeAll, expect, test } from 'vitest';
import type { FileRecord } from '../../server/database/chat-file-table.ts';
import { createRepairFiles } from '../../server/sharing/repair-files.ts';
import type { Fault, Finding } from '../../server/sharing/verify-files.ts';
import { openTestDatabase, type TestDatabase } from '../services/test-database.ts';

let open: TestDatabase;
beforeAll(async () => {
  open = await openTestDatabase();
});
afterAll(() => open.remove());

test.each<[string, Fault, number, number, number | null]>([
  ['some missing', 'missing', 11, 100, 11],
  ['most missing', 'missing', 51, 100, null],
  ['all missing', 'missing', 11, 11, null],
  ['all of a few missing', 'missing', 3, 3, 3],
  ['some orphaned', 'orphan', 11, 100, 11],
  ['most orphaned', 'orphan', 90, 100, null],
  ['damaged ones', 'wrong-sha256', 5, 100, 0],
  ['unreadable ones', 'unreadable', 100, 100, 0],
  ['lost thumbnails', 'no-thumbnail', 60, 100, 60],
])('%s', async (_what, fault, wrong, all, mended) => {
  const touched: string[] = [];
  const repairFiles = createRepairFiles({
    database: open.database,
    files: { forgetThumbnail: async (_transaction, _id, key) => touched.push(key) > 0 },
    previewJobs: { add: async () => {} },
    removedObjects: { add: async (_transaction, key) => void touched.push(key) },
    removeFile: async ({ storageKey }) => touched.push(storageKey) > 0,
    deleteRemovedBytes: async () => 0,
  });
  const findings = Array.from({ length: wrong }, (_, n): Finding => {
    const key = `key-${n}`;
    return { fault, key, file: fault === 'orphan' ? null : ({ storageKey: key } as FileRecord), detail: '' };
  });
  const seen = { files: all, objects: all, readBytes: 0, hashed: 0 };
  expect([await repairFiles(findings, seen), touched.length]).toEqual([mended, mended ?? 0]);
});
