/** Deletion in a bucket, through a store that is away: rows go at once, and the receipt waits for the bytes. */
import { PutObjectCommand } from '@aws-sdk/client-s3';
import { afterEach, expect, test } from 'vitest';
import { newStorageKey } from '../../server/rules/upload-id.ts';
import { bearer, get, listFiles, shareFile, storedFiles, unfinishedBytes } from '../services/chat-api.ts';
import { newChatRoom } from '../services/chat-room.ts';
import { type Chatdrop, startChatdrop } from '../services/chatdrop-process.ts';
import { eventually } from '../services/eventually.ts';
import { pngFile } from '../services/fixtures.ts';
import { runCommandHere } from '../services/run-command.ts';
import { type S3FaultProxy, startS3FaultProxy } from '../services/s3-fault-proxy.ts';
import { bucketAt, sharedS3, testS3Client } from '../services/shared-s3.ts';
import { create, patch } from '../services/tus-wire.ts';
import { jsonOf, send } from '../services/wire.ts';

const ADMIN_TOKEN = 'the-operator-and-nobody-but-the-operator';
const GENEROUS_MS = 90_000;
let server: Chatdrop | undefined;
let proxy: S3FaultProxy | undefined;

afterEach(async () => {
  await server?.stop();
  await proxy?.stop();
});

test('a store that hangs keeps no answer waiting; one that refuses keeps the receipt open, until nothing is left', async () => {
  const store = await startS3FaultProxy(sharedS3().endpoint);
  proxy = store;
  const running = await startChatdrop({ env: { AWS_S3_ENDPOINT_URL: store.endpoint, ADMIN_TOKEN } });
  server = running;
  const { baseUrl, dataDir } = running;
  const room = newChatRoom();
  const share = (name: string) => shareFile({ baseUrl, room, body: pngFile({ bytes: 3000 }), name });
  const receipts = async (): Promise<Receipt[]> =>
    jsonOf<{ deletions: Receipt[] }>(await get(baseUrl, '/api/admin/deletions/', ADMIN_TOKEN)).deletions;

  const removed = await share('removed.png');
  store.fail('DeleteObject', 'hang', 1000);
  // The store would keep it for a minute and a half; the answer's own limit is much shorter.
  const path = `/api/chat/files/${removed.id}/`;
  expect((await send({ method: 'DELETE', url: baseUrl + path, headers: bearer(room.agent) })).status).toBe(204);
  expect((await listFiles(baseUrl, room)).count).toBe(0);
  expect(await receipts()).toMatchObject([{ kind: 'file', files: 1, objects_left: 1, completed_at: null }]);
  expect(await storedFiles(dataDir)).toHaveLength(1);
  await running.kill('SIGKILL');
  store.heal();
  await running.restart();
  await eventually('the file’s bytes are gone', async () => (await receipts())[0]?.completed_at !== null, GENEROUS_MS);
  expect(await storedFiles(dataDir)).toEqual([]);

  const shared = await share('with a thumbnail.png');
  const thumbnail = newStorageKey(room.company, room.session, '.webp');
  const bucket = bucketAt(dataDir);
  if (bucket === undefined) throw new Error('this runs in the project s3');
  const client = testS3Client(bucket);
  await client.send(new PutObjectCommand({ Bucket: bucket.bucket, Key: thumbnail, Body: 'small' }));
  client.destroy();
  const database = await running.openDatabase();
  await database('chat_files').where({ id: shared.id }).update({ thumbnail });
  const body = pngFile({ bytes: 300_000 });
  const { url } = await create({ baseUrl, token: room.visitor, length: body.length, metadata: { filename: 'b.png' } });
  const part = body.subarray(0, 200_000);
  await patch({ url, token: room.visitor, offset: 0, body: part, headers: { 'content-length': String(part.length) } });
  expect((await unfinishedBytes(dataDir)).length).toBeGreaterThan(0);

  store.fail('DeleteObject', '503', 1000);
  const company = `/api/admin/companies/${room.company}/`;
  expect((await send({ method: 'DELETE', url: baseUrl + company, headers: bearer(ADMIN_TOKEN) })).status).toBe(202);
  const waiting = await eventually(
    'the rows are gone and the store has refused the bytes',
    async () => {
      const [receipt] = await receipts();
      return receipt?.kind === 'company' && receipt.last_error !== null && receipt;
    },
    GENEROUS_MS,
  );
  expect(waiting).toMatchObject({ files: 1, uploads: 1, objects_left: 2, uploads_left: 1, completed_at: null });
  expect((await listFiles(baseUrl, room)).count).toBe(0);
  expect(await database('chat_files')).toEqual([]);
  store.heal();
  await eventually('nothing is left', async () => (await receipts())[0]?.completed_at !== null, GENEROUS_MS);
  expect([await storedFiles(dataDir), await unfinishedBytes(dataDir)]).toEqual([[], []]);
  for (const table of ['uploads', 's3_uploads', 'removed_objects', 'chat_sessions', 'user_profiles'])
    expect([table, await database(table)]).toEqual([table, []]);
  await database.destroy();
  const verified = await runCommandHere(['files', 'verify'], running.env);
  expect([verified.code, verified.stdout]).toEqual([0, expect.stringContaining('0 files and 0 objects')]);
});

type Receipt = { kind: string; completed_at: string | null; last_error: string | null };
