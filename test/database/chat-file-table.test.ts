/** `chat_files`: one row for an upload, filters that mean what they say, and pages without a gap. */
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { FILE_KINDS, type FileOrder, kindOf } from '../../server/contract/file-filter.ts';
import { type ChatFileTable, createChatFileTable, type FileFilter } from '../../server/database/chat-file-table.ts';
import { createEventLedger } from '../../server/database/event-ledger.ts';
import { runnerOf } from '../../server/database/run-statements.ts';
import { Failure } from '../../server/rules/failure.ts';
import { TYPES } from '../../server/rules/type-table.ts';
import { createListFiles } from '../../server/sharing/list-files.ts';
import { createPresentFile } from '../../server/sharing/present-file.ts';
import { insertFile, openTestDatabase, type TestDatabase } from '../services/test-database.ts';

let open: TestDatabase;
let files: ChatFileTable;
beforeAll(async () => {
  open = await openTestDatabase();
  files = createChatFileTable(open.database);
});
beforeEach(() => open.database('chat_files').delete());
afterAll(() => open.remove());

describe('a row', () => {
  test('is read back by id and by key as it was written', async () => {
    const id = await insertFile(open.database, {
      uploadId: 'u',
      storageKey: 'chat/c/s/k',
      name: 'Größe 😀.png',
      sizeBytes: 2 ** 50,
      sha256: 'a'.repeat(64),
      seq: 9,
    });
    const file = await files.find(id);
    expect(file).toMatchObject({
      id,
      uploadId: 'u',
      name: 'Größe 😀.png',
      sizeBytes: 2 ** 50,
      sha256: 'a'.repeat(64),
      seq: 9,
    });
    expect(file).toMatchObject({
      thumbnailKey: null,
      width: null,
      height: null,
      placeholder: null,
      scan: 'not_scanned',
    });
    expect(await files.findByKey('chat/c/s/k')).toEqual(file);
    expect(await files.findMany([id, id + 1])).toEqual(new Map([[id, file]]));
    expect([await files.find(id + 1), await files.findByKey('nothing'), (await files.findMany([])).size]).toEqual([
      null,
      null,
      0,
    ]);
  });

  test('is the only one of its upload, and of its key', async () => {
    await insertFile(open.database, { uploadId: 'same', storageKey: 'chat/1' });
    await expect(insertFile(open.database, { uploadId: 'same', storageKey: 'chat/2' })).rejects.toThrow(/unique/i);
    await expect(insertFile(open.database, { uploadId: 'other', storageKey: 'chat/1' })).rejects.toThrow(/unique/i);
    expect(await files.count('company', 'session', {})).toBe(1);
  });

  test('is removed once', async () => {
    const id = await insertFile(open.database);
    const take = () => open.database.transaction((transaction) => files.take(transaction, [id, id + 1]));
    expect([(await take()).map((file) => file.id), await take()]).toEqual([[id], []]);
  });
});

test('the files of one side of a chat are counted up to a bound; below it those of both may stand for them', async () => {
  for (let nth = 0; nth < 4; nth += 1) await insertFile(open.database, { uploader: nth < 3 ? 'user' : 'agent' });
  await insertFile(open.database, { session: 'another' });
  await insertFile(open.database, { company: 'another' });
  const count = (uploader: 'user' | 'agent', atMost: number) =>
    runnerOf(open.database).read(() =>
      files.steps.countOfSide({ company: 'company', session: 'session', uploader }, atMost, 4),
    );
  const counts = (uploader: 'user' | 'agent') =>
    Promise.all([0, 1, 2, 3, 4, 5, 9].map((atMost) => count(uploader, atMost)));
  expect(await counts('user')).toEqual([0, 1, 2, 3, 3, 4, 4]);
  expect(await counts('agent')).toEqual([0, 1, 1, 1, 1, 4, 4]);
});

describe('the filters', () => {
  const NAMES = ['photo.png', '100% sure.png', 'a_b.png', 'axb.png', 'wow!.png', 'back\\slash.png'];
  test.each<[string, string[]]>([
    ['photo', ['photo.png']],
    ['PHOTO', ['photo.png']],
    ['%', ['100% sure.png']],
    ['a_b', ['a_b.png']],
    ['_', ['a_b.png']],
    ['!', ['wow!.png']],
    ['!%', []],
    ['\\', ['back\\slash.png']],
    ["'", []],
    ['"; drop table chat_files; --', []],
    ['.PNG', NAMES],
    ['', NAMES],
    ['\0', []],
  ])('the name %j', async (nameContains, expected) => {
    for (const name of NAMES) await insertFile(open.database, { name });
    expect(await namesOf({ nameContains })).toEqual(expected);
    expect(await files.count('company', 'session', { nameContains })).toBe(expected.length);
  });

  test.each([
    ['GRÖSSE.pdf', 'größe'.toUpperCase().slice(0, 3)],
    ['ÄÖÜ.pdf', 'äöü'],
    ['äöü.pdf', 'ÄÖÜ'],
    ['ПРИВЕТ.pdf', 'привет'],
    ['İstanbul.pdf', 'İSTANBUL'],
    ['ΟΔΟΣ.pdf', 'οδος'],
    ['οδος.pdf', 'ΟΔΟΣ'],
    ['ΟΔΟΣ.pdf', 'ΟΔΟΣ'],
    ['caf\u00E9.pdf', 'cafe\u0301'],
    ['cafe\u0301.pdf', 'CAF\u00C9'],
    ['報告 日本語.pdf', '日本'],
  ])('the name %j is found by %j', async (name, nameContains) => {
    await insertFile(open.database, { name });
    expect(await namesOf({ nameContains })).toEqual([name]);
  });

  test('type, family, uploader, and all together', async () => {
    await insertFile(open.database, { name: 'a', mimeType: 'image/png' });
    await insertFile(open.database, { name: 'b', mimeType: 'image/gif', uploader: 'agent' });
    await insertFile(open.database, { name: 'c', mimeType: 'application/pdf', uploader: 'agent' });
    await insertFile(open.database, { name: 'd', mimeType: 'image-x/png' });
    expect(await namesOf({ mimeType: 'image/png' })).toEqual(['a']);
    expect(await namesOf({ mimeType: 'image/*' })).toEqual(['a', 'b']);
    expect(await namesOf({ mimeType: 'i%/*' })).toEqual([]);
    expect(await namesOf({ mimeType: 'image_x/*' })).toEqual([]);
    expect(await namesOf({ uploader: 'agent' })).toEqual(['b', 'c']);
    expect(await namesOf({ uploader: 'agent', mimeType: 'image/*', nameContains: 'B' })).toEqual(['b']);
  });

  test('every type is of exactly one kind, in the table as in the contract', async () => {
    const types = [...TYPES.map(({ mimeType }) => mimeType), 'application/octet-stream', 'imagex/png', 'text/x-new'];
    for (const [index, mimeType] of types.entries()) await insertFile(open.database, { name: `${index}`, mimeType });
    const met: string[] = [];
    for (const kind of FILE_KINDS) {
      const names = await namesOf({ kind });
      expect(names.map((name) => kindOf(types[Number(name)] ?? ''))).toEqual(names.map(() => kind));
      expect(await files.count('company', 'session', { kind })).toBe(names.length);
      met.push(...names);
    }
    expect(met.sort()).toEqual(types.map((_type, index) => `${index}`).sort());
  });

  test('company and session are always kept apart', async () => {
    await insertFile(open.database, { name: 'mine' });
    await insertFile(open.database, { name: 'other session', session: 'session2' });
    await insertFile(open.database, { name: 'other company', company: 'company2' });
    expect(await namesOf({})).toEqual(['mine']);
    expect(await files.count('company', 'session', {})).toBe(1);
  });
});

describe('the whole company', () => {
  const everyFile = (filter: FileFilter, order: FileOrder, company = 'company') =>
    files.list(company, null, filter, { order, beyondId: null }, 100);

  test('all sessions of the company, and no other company’s; filters and both orders', async () => {
    await insertFile(open.database, { name: 'one', session: 's1' });
    await insertFile(open.database, { name: 'two', session: 's2', uploader: 'agent' });
    await insertFile(open.database, { name: 'foreign', company: 'company2', session: 's1' });
    await insertFile(open.database, { name: 'three', session: 's1', mimeType: 'video/mp4' });
    const names = async (...args: Parameters<typeof everyFile>) => (await everyFile(...args)).map(({ name }) => name);
    expect(await names({}, 'oldest')).toEqual(['one', 'two', 'three']);
    expect(await names({}, 'newest')).toEqual(['three', 'two', 'one']);
    expect(await names({ kind: 'image' }, 'newest')).toEqual(['two', 'one']);
    expect(await names({ uploader: 'agent' }, 'newest')).toEqual(['two']);
    expect(await names({}, 'newest', 'company2')).toEqual(['foreign']);
    expect(await files.count('company', null, {})).toBe(3);
    expect(await files.count('company', null, { nameContains: 'T' })).toBe(2);
  });
});

describe('pages', () => {
  test('meet every file once, oldest first, whatever comes and goes between them', async () => {
    const listFiles = createListFiles({ files, ledger: createEventLedger(open.database), presentFile: present() });
    const ids: number[] = [];
    for (let n = 0; n < 7; n += 1) ids.push(await insertFile(open.database));
    const first = await listFiles('company', 'session', { limit: 3 });
    await open.database('chat_files').where({ id: ids[2] }).delete();
    const late = await insertFile(open.database);
    const second = await listFiles('company', 'session', { limit: 3, cursor: first.next_cursor ?? '' });
    const third = await listFiles('company', 'session', { limit: 3, cursor: second.next_cursor ?? '' });
    const met = [first, second, third].flatMap((page) => page.files.map(({ id }) => id));
    expect(met).toEqual([...ids, late]);
    expect([first.count, third.count, third.next_cursor]).toEqual([7, 7, null]);
  });

  test('newest first, a file that comes meanwhile belongs to no later page; the other order’s cursor is refused', async () => {
    const listFiles = createListFiles({ files, ledger: createEventLedger(open.database), presentFile: present() });
    const ids: number[] = [];
    for (let n = 0; n < 5; n += 1) ids.push(await insertFile(open.database, { session: `s${n % 2}` }));
    const first = await listFiles('company', null, { limit: 2, order: 'newest' });
    await insertFile(open.database);
    const cursor = first.next_cursor ?? '';
    const second = await listFiles('company', null, { limit: 3, order: 'newest', cursor });
    expect([...first.files, ...second.files].map(({ id }) => id)).toEqual(ids.reverse());
    expect([second.count, second.next_cursor]).toEqual([6, null]);
    for (const order of [undefined, 'oldest' as const])
      await expect(listFiles('company', null, { cursor, order })).rejects.toMatchObject({ code: 'invalid-request' });
  });

  test('a page that is exactly full has no next one', async () => {
    const listFiles = createListFiles({ files, ledger: createEventLedger(open.database), presentFile: present() });
    for (let n = 0; n < 3; n += 1) await insertFile(open.database);
    expect((await listFiles('company', 'session', { limit: 3 })).next_cursor).toBeNull();
  });

  test.each([
    '',
    'x',
    'YWZ0ZXI6',
    Buffer.from('after:-1').toString('base64url'),
    Buffer.from('after:1;').toString('base64url'),
  ])('a cursor that is not ours is refused: %j', async (cursor) => {
    const listFiles = createListFiles({ files, ledger: createEventLedger(open.database), presentFile: present() });
    const refused = listFiles('company', 'session', { cursor });
    await expect(refused).rejects.toBeInstanceOf(Failure);
    await expect(refused).rejects.toMatchObject({ code: 'invalid-request' });
  });
});

async function namesOf(filter: FileFilter): Promise<string[]> {
  return (await files.list('company', 'session', filter, { order: 'oldest', beyondId: null }, 100)).map(
    ({ name }) => name,
  );
}

function present() {
  return createPresentFile({ mediaUrl: () => 'http://x/media/', secret: 's', expirySeconds: 60, now: () => 0 });
}
