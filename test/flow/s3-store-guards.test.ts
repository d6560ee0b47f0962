/** Settings that are not the server's: no command then works on the wrong files, and no two move them at once. */
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { takeInstanceLock } from '../../server/database/instance-lock.ts';
import { createStoreRecord } from '../../server/database/store-record.ts';
import { listFiles, shareFile } from '../services/chat-api.ts';
import { newChatRoom } from '../services/chat-room.ts';
import { type Chatdrop, startChatdrop } from '../services/chatdrop-process.ts';
import { textFile } from '../services/fixtures.ts';
import { runCommandHere } from '../services/run-command.ts';
import { bucketAt, bucketSettings, makeBucket, objectKeys, type TestBucket } from '../services/shared-s3.ts';

let dataDir = '';
let otherFolder = '';
let server: Chatdrop;
const room = newChatRoom();

beforeAll(async () => {
  dataDir = await mkdtemp(path.join(tmpdir(), 'chatdrop-guards-'));
  otherFolder = await mkdtemp(path.join(tmpdir(), 'chatdrop-guards-other-'));
  server = await startChatdrop({ dataDir, env: { USE_S3_STORAGE: 'false' } });
  await shareFile({ baseUrl: server.baseUrl, room, body: textFile(500), name: 'here.txt' });
});
afterAll(async () => {
  await server?.stop();
  for (const folder of [dataDir, otherFolder]) await rm(folder, { recursive: true, force: true });
});

test('a command whose USE_S3_STORAGE is not the server’s says so, and looks at nothing', async () => {
  for (const args of [
    ['files', 'list'],
    ['files', 'verify', '--repair'],
    ['files', 'remove', '1'],
  ]) {
    const { code, stderr } = await chatdrop(args, { USE_S3_STORAGE: 'true' });
    expect([args, code]).toEqual([args, 1]);
    expect(stderr).toContain('The server has its files on the local disk, and USE_S3_STORAGE says in S3.');
  }
  await expectUntouched();
});

test('migrate-storage with another MEDIA_ROOT than the server’s copies nothing', async () => {
  const { code, stderr } = await chatdrop(['migrate-storage', '--to', 's3'], { MEDIA_ROOT: otherFolder });
  expect(code).toBe(1);
  expect(stderr).toContain(`The server has its files on the local disk at ${path.join(dataDir, 'media')}`);
  expect(stderr).toContain(`these settings say ${otherFolder}`);
  await expectUntouched();
});

test('of two at once the second does nothing', async () => {
  const first = takeInstanceLock(path.join(dataDir, 'moving'));
  const { code, stderr } = await chatdrop(['migrate-storage', '--to', 's3']);
  first.release();
  expect([code, stderr]).toEqual([1, expect.stringContaining('Another chatdrop migrate-storage is running')]);
  await expectUntouched();
});

test('a second run into another bucket than the first is refused', async () => {
  expect((await chatdrop(['migrate-storage', '--to', 's3'])).code).toBe(0);
  const bucket = bucketAt(dataDir) as TestBucket;
  const other = await makeBucket(bucket);
  const { code, stderr } = await chatdrop(['migrate-storage', '--to', 's3'], {
    AWS_STORAGE_BUCKET_NAME: other.bucket,
  });
  expect([code, stderr]).toEqual([1, expect.stringContaining(`these settings say ${other.bucket}`)]);
  expect([(await objectKeys(bucket)).length, await objectKeys(other)]).toEqual([1, []]);
  expect((await listFiles(server.baseUrl, room)).count).toBe(1);
});

async function expectUntouched(): Promise<void> {
  const database = await server.openDatabase();
  expect(await createStoreRecord(database).move()).toBeNull();
  await database.destroy();
  expect(await objectKeys(bucketAt(dataDir) as TestBucket)).toEqual([]);
  expect((await listFiles(server.baseUrl, room)).count).toBe(1);
}

async function chatdrop(args: string[], env: Record<string, string> = {}) {
  const settings = { DATA_DIR: dataDir, ...(await bucketSettings(dataDir)), USE_S3_STORAGE: 'false', ...env };
  return runCommandHere(args, settings);
}
