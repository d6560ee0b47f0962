/** Which bytes in a bucket count: one change wins, all of it or nothing. */
import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest';
import * as s3Uploads from '../../migrations/0009-s3-uploads.ts';
import { createS3UploadTable } from '../../server/database/s3-upload-table.ts';
import { newStorageKey, newUploadId } from '../../server/rules/upload-id.ts';
import { insertFile, openTestDatabase, type TestDatabase } from '../services/test-database.ts';

const HEAD = Buffer.from([0, 1, 2, 255, 0]);
const FIVE_MIB = 5 * 1024 * 1024;
const nothingMore = { addParts: [], addPieces: [], dropPieces: [], finalKey: null };

let tables: TestDatabase;
let uploads: ReturnType<typeof createS3UploadTable>;
let id = '';

beforeAll(async () => {
  tables = await openTestDatabase();
  uploads = createS3UploadTable(tables.database);
});
afterAll(() => tables.remove());
beforeEach(async () => {
  id = newUploadId();
  const empty = { offset: 0, head: Buffer.alloc(0), pieces: [] };
  await uploads.insert({ id, sizeBytes: 50 * 1024 ** 3, partSizeBytes: FIVE_MIB, ...empty });
});

test('a new one is empty; one that never was is null; an id is taken once', async () => {
  expect(await uploads.find(id)).toEqual({
    id,
    sizeBytes: 50 * 1024 ** 3,
    partSizeBytes: FIVE_MIB,
    offset: 0,
    parts: 0,
    version: 0,
    head: Buffer.alloc(0),
    multipart: null,
    finalKey: null,
    pieces: [],
  });
  const other = newUploadId();
  expect([await uploads.find(other), await uploads.offsetOf(other), await uploads.headOf(other)]).toEqual([
    null,
    null,
    null,
  ]);
  const again = { id, sizeBytes: 1, partSizeBytes: 1, offset: 0, head: HEAD, pieces: [] };
  await expect(uploads.insert(again)).rejects.toThrow();
});

test('a change is there whole; the second of two that saw the same is not made, and leaves nothing', async () => {
  const multipart = { key: 'incoming/x/whole', id: 'abc' };
  const piece = { start: FIVE_MIB, sizeBytes: 7, name: 'piece' };
  const change = { offset: FIVE_MIB + 7, parts: 1, head: HEAD, multipart, ...nothingMore };
  const made = await uploads.change(id, 0, { ...change, addParts: [{ number: 1, etag: 'e1' }], addPieces: [piece] });
  const late = await uploads.change(id, 0, { ...change, offset: 1, addPieces: [{ ...piece, name: 'late' }] });
  expect([made, late]).toEqual([true, false]);
  expect(await uploads.find(id)).toMatchObject({
    offset: FIVE_MIB + 7,
    parts: 1,
    version: 1,
    head: HEAD,
    multipart,
    pieces: [piece],
  });
  expect([await uploads.offsetOf(id), await uploads.headOf(id)]).toEqual([FIVE_MIB + 7, HEAD]);
});

test('several at once: one is made', async () => {
  const change = { parts: 0, head: HEAD, multipart: null, ...nothingMore };
  const made = await Promise.all([1, 2, 3, 4, 5].map((offset) => uploads.change(id, 0, { ...change, offset })));
  expect(made.filter(Boolean)).toHaveLength(1);
  expect(await uploads.offsetOf(id)).toBe(made.indexOf(true) + 1);
});

test('parts above the number are forgotten, stored again they have the new etag; pieces come in their order', async () => {
  const base = { head: HEAD, multipart: null, ...nothingMore };
  const etags = [10, 9, 2, 1].map((number) => ({ number, etag: `e${number}` }));
  await uploads.change(id, 0, { ...base, offset: 10, parts: 10, addParts: etags });
  expect(await uploads.etagsOf(id)).toEqual(['e1', 'e2', 'e9', 'e10']);
  const pieces = [200, 100].map((start) => ({ start, sizeBytes: 1, name: `p${start}` }));
  await uploads.change(id, 1, {
    ...base,
    offset: 10,
    parts: 2,
    addParts: [{ number: 2, etag: 'new' }],
    addPieces: pieces,
  });
  expect(await uploads.etagsOf(id)).toEqual(['e1', 'new']);
  expect((await uploads.find(id))?.pieces.map(({ name }) => name)).toEqual(['p100', 'p200']);
  await uploads.change(id, 2, { ...base, offset: 10, parts: 2, dropPieces: ['p200'] });
  expect((await uploads.find(id))?.pieces.map(({ name }) => name)).toEqual(['p100']);
});

test('all ids are told; one that is removed leaves nothing', async () => {
  const other = newUploadId();
  const piece = { start: 0, sizeBytes: 5, name: 'piece' };
  await uploads.insert({ id: other, sizeBytes: null, partSizeBytes: 1, offset: 5, head: HEAD, pieces: [piece] });
  const ids = async () => {
    const found: string[] = [];
    for await (const each of uploads.ids()) if (each === id || each === other) found.push(each);
    return found;
  };
  expect((await ids()).sort()).toEqual([id, other].sort());
  await uploads.remove(other);
  expect([await ids(), await uploads.find(other)]).toEqual([[id], null]);
  expect(await tables.database('s3_pieces').where({ upload_id: other })).toEqual([]);
});

test('more pieces than a statement takes values are noted and dropped in one change', async () => {
  const pieces = Array.from({ length: 33_000 }, (_, start) => ({ start, sizeBytes: 1, name: `piece-${start}` }));
  const change = { offset: 33_000, parts: 0, head: HEAD, multipart: null, ...nothingMore };
  expect(await uploads.change(id, 0, { ...change, addPieces: pieces })).toBe(true);
  const dropPieces = pieces.slice(1).map(({ name }) => name);
  expect(await uploads.change(id, 1, { ...change, dropPieces })).toBe(true);
  expect(await uploads.find(id)).toMatchObject({ offset: 33_000, pieces: pieces.slice(0, 1) });
});

test('a key is another’s where a file is, one is being made, or an upload has its place; never by itself', async () => {
  const key = newStorageKey('company', 'session', '.bin');
  const place = { offset: 0, parts: 0, head: HEAD, multipart: null, ...nothingMore, finalKey: key };
  await uploads.change(id, 0, place);
  expect(await uploads.othersAt(key, id)).toEqual({ isFile: false, isPlace: false });
  expect(await uploads.othersAt(key, newUploadId())).toEqual({ isFile: false, isPlace: true });
  await insertFile(tables.database, { storageKey: key });
  expect(await uploads.othersAt(key, id)).toEqual({ isFile: true, isPlace: false });
});

test('the tables go down only when nothing is in them', async () => {
  await expect(s3Uploads.down(tables.database)).rejects.toThrow(/^\d+ unfinished uploads have bytes in S3/);
  expect(await uploads.offsetOf(id)).toBe(0);
  for await (const left of uploads.ids()) await uploads.remove(left);
  await s3Uploads.down(tables.database);
  await expect(uploads.offsetOf(id)).rejects.toThrow();
  await s3Uploads.up(tables.database);
  expect(await uploads.offsetOf(id)).toBeNull();
});
