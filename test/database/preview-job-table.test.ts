/** What is owed is taken by one, given back by whoever lives, and leaves no bytes, however its file goes. */
import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest';
import { createChatFileTable } from '../../server/database/chat-file-table.ts';
import { createPreviewJobTable, type PreviewJobTable } from '../../server/database/preview-job-table.ts';
import { insertFile, openTestDatabase, type TestDatabase } from '../services/test-database.ts';

const NOW = 1_000_000;
const PREVIEW = { width: 30, height: 20, placeholder: 'abc' };
/** That of the files here among them. */
const TYPES = ['image/png', 'text/plain'];
const lease = (token: string) => ({ token, untilMs: NOW + 60_000 });
let open: TestDatabase;
let jobs: PreviewJobTable;
beforeAll(async () => {
  open = await openTestDatabase();
  jobs = createPreviewJobTable(open.database);
});
beforeEach(async () => {
  await open.database('chat_files').delete();
  await open.database('removed_objects').delete();
});
afterAll(() => open.remove());

test('is taken by one of many, the longest waiting first, and again when its lease is over', async () => {
  const [first, second] = [await owed(), await owed()];
  const taken = await Promise.all(['a.1', 'b.1', 'c.1'].map((token) => jobs.takeDue(lease(token), NOW, TYPES)));
  expect(taken.filter((job) => job !== null).map(({ fileId, attempts }) => [fileId, attempts])).toEqual(
    expect.arrayContaining([
      [first, 1],
      [second, 1],
    ]),
  );
  expect(taken.filter((job) => job === null)).toHaveLength(1);
  expect(await jobs.takeDue(lease('d.1'), NOW + 60_001, TYPES)).toMatchObject({ attempts: 2 });
});

test('is left to who has a decoder for its type', async () => {
  await owed();
  const video = await owed({ mimeType: 'video/mp4' });
  expect(await jobs.takeDue(lease('a.1'), NOW, ['application/pdf'])).toBeNull();
  expect(await jobs.takeDue(lease('a.1'), NOW, [])).toBeNull();
  expect(await jobs.takeDue(lease('a.1'), NOW, ['application/pdf', 'video/mp4'])).toMatchObject({ fileId: video });
  expect(await jobs.takeDue(lease('b.1'), NOW, ['video/mp4'])).toBeNull();
});

test('is free as soon as its process is dead; what that one still says counts for nothing', async () => {
  const id = await owed();
  await jobs.takeDue(lease('dead.1'), NOW, TYPES);
  expect(await jobs.holders()).toEqual(['dead']);
  await jobs.free('dead');
  expect(await jobs.notePlace(id, lease('dead.1'), 'chat/x')).toBe(false);
  expect(await jobs.takeDue(lease('alive.1'), NOW, TYPES)).toMatchObject({
    fileId: id,
    attempts: 2,
    thumbnailKey: null,
  });
});

test('is put off, with or without having been an attempt, and ends with its reason', async () => {
  const id = await owed();
  await jobs.takeDue(lease('a.1'), NOW, TYPES);
  await jobs.putOff(id, lease('a.1'), 'the store is away', NOW + 10, false);
  expect(await jobs.takeDue(lease('a.2'), NOW, TYPES)).toBeNull();
  expect(await jobs.takeDue(lease('a.2'), NOW + 10, TYPES)).toMatchObject({ attempts: 1 });
  await jobs.putOff(id, lease('a.2'), 'it was killed', NOW + 20, true);
  expect(await jobs.takeDue(lease('a.3'), NOW + 20, TYPES)).toMatchObject({ attempts: 2 });
  const end = () => open.database.transaction((t) => jobs.end(t, id, lease('a.3'), 'no picture', NOW));
  expect([await end(), await end()]).toEqual([true, false]);
  expect(await jobs.takeDue(lease('a.4'), NOW + 1e9, TYPES)).toBeNull();
  expect(await open.database('preview_jobs').first()).toMatchObject({ last_error: 'no picture' });
});

test('a file that goes meanwhile leaves the place of its thumbnail on the list', async () => {
  const id = await owed();
  await jobs.takeDue(lease('a.1'), NOW, TYPES);
  expect(await jobs.notePlace(id, lease('a.1'), 'chat/small')).toBe(true);
  expect(await createChatFileTable(open.database).ownedKeys(['chat/small', 'chat/other'])).toEqual(
    new Set(['chat/small']),
  );
  await open.database('chat_files').where({ id }).delete();
  expect(await open.database('preview_jobs').select()).toEqual([]);
  expect((await removed()).includes('chat/small')).toBe(true);
});

test('one that is done leaves the thumbnail to the file, and goes with it', async () => {
  const id = await owed();
  const files = createChatFileTable(open.database);
  await jobs.takeDue(lease('a.1'), NOW, TYPES);
  await jobs.notePlace(id, lease('a.1'), 'chat/small');
  await open.database.transaction(async (t) => {
    expect(await files.setPreview(t, id, { thumbnailKey: 'chat/small', ...PREVIEW })).toBe(true);
    expect(await jobs.done(t, id, lease('a.1'))).toBe(true);
  });
  expect(await removed()).toEqual([]);
  expect(await files.findByThumbnail('chat/small')).toMatchObject({ id, ...PREVIEW });
  // A second one, of a process that lost its lease, changes nothing.
  const again = { thumbnailKey: 'chat/other', width: 1, height: 1, placeholder: '' };
  expect(await open.database.transaction((t) => files.setPreview(t, id, again))).toBe(false);
  await open.database('chat_files').where({ id }).delete();
  expect((await removed()).includes('chat/small')).toBe(true);
});

async function owed(over: Parameters<typeof insertFile>[1] = {}): Promise<number> {
  const id = await insertFile(open.database, over);
  await open.database.transaction((t) => jobs.add(t, id));
  return id;
}

function removed(): Promise<string[]> {
  return open.database('removed_objects').orderBy('storage_key').pluck('storage_key');
}
