/** Who is missed loses its finishes at once, and its requests only when it does not come back. */
import { afterAll, beforeAll, expect, test } from 'vitest';
import { createPreviewJobTable } from '../../server/database/preview-job-table.ts';
import { createUploadTable, type NewUpload, type UploadTable } from '../../server/database/upload-table.ts';
import { createWebhookDeliveryTable } from '../../server/database/webhook-delivery-table.ts';
import { createReleaseDead } from '../../server/jobs/release-dead.ts';
import { newUploadId } from '../../server/rules/upload-id.ts';
import { openTestDatabase, type TestDatabase } from '../services/test-database.ts';

const GRACE_MS = 20_000;
let open: TestDatabase;
let uploads: UploadTable;
let now = 1_000_000;
const alive = new Set<string>();
beforeAll(async () => {
  open = await openTestDatabase();
  uploads = createUploadTable(open.database);
});
afterAll(() => open.remove());

test('a node that is missed for a moment loses no request; one that stays away does', async () => {
  const releaseDead = createReleaseDead({
    uploads,
    previewJobs: createPreviewJobTable(open.database),
    webhookDeliveries: createWebhookDeliveryTable(open.database),
    giveUpPlaces: null,
    isAlive: async (holder) => alive.has(holder),
    graceMs: GRACE_MS,
    now: () => now,
  });
  for (const node of ['one', 'two', 'three']) alive.add(node);
  const finishing = await upload('two', { oneRequest: false, holder: null });
  await uploads.takeLease(finishing, { token: 'two.1', untilMs: now + 600_000 }, now);
  const requests = [await upload('two'), await upload('three')];
  expect(await releaseDead()).toBe(0);
  alive.delete('two');
  alive.delete('three');
  expect(await releaseDead()).toBe(2);
  expect(await uploads.takeLease(finishing, { token: 'one.1', untilMs: now + 600_000 }, now)).not.toBeNull();
  expect(await statesOf(requests)).toEqual(['open', 'open']);
  now += GRACE_MS - 1;
  alive.add('three');
  expect(await releaseDead()).toBe(1);
  now += 1;
  alive.delete('three');
  expect(await releaseDead()).toBe(2);
  expect(await statesOf(requests)).toEqual(['aborted', 'open']);
  now += GRACE_MS;
  await releaseDead();
  expect(await statesOf(requests)).toEqual(['aborted', 'aborted']);
  expect(await releaseDead()).toBe(0);
});

async function upload(holder: string, over: Partial<NewUpload> = {}): Promise<string> {
  const row: NewUpload = {
    id: newUploadId(),
    company: 'acme',
    session: 's',
    uploader: 'user',
    subject: null,
    name: 'a.png',
    declaredType: null,
    sizeBytes: null,
    reservedBytes: 0,
    metadata: null,
    fileKey: null,
    sha256: null,
    oneRequest: true,
    concat: null,
    holder,
    createdAt: now,
    expiresAt: now + 600_000,
    ...over,
  };
  await open.database.transaction((transaction) => uploads.insert(transaction, row));
  return row.id;
}

function statesOf(ids: readonly string[]): Promise<unknown[]> {
  return Promise.all(ids.map(async (id) => (await uploads.find(id))?.state));
}
