/** A store that takes requests and says nothing: a node starts, serves what it can, and stops in time. */
import { afterEach, expect, test } from 'vitest';
import { shareFile, storedFiles } from '../services/chat-api.ts';
import { newChatRoom } from '../services/chat-room.ts';
import { type Chatdrop, startChatdrop } from '../services/chatdrop-process.ts';
import { eventually } from '../services/eventually.ts';
import { pngFile } from '../services/fixtures.ts';
import { type S3FaultProxy, startS3FaultProxy } from '../services/s3-fault-proxy.ts';
import { sharedS3 } from '../services/shared-s3.ts';

let server: Chatdrop | undefined;
let proxy: S3FaultProxy | undefined;

afterEach(async () => {
  await server?.stop();
  await proxy?.stop();
});

test('files that are still to be deleted keep a node neither from starting nor from stopping, and are deleted later', async () => {
  const store = await startS3FaultProxy(sharedS3().endpoint);
  proxy = store;
  const running = await startChatdrop({ env: { AWS_S3_ENDPOINT_URL: store.endpoint } });
  server = running;
  const room = newChatRoom();
  for (const name of ['a.png', 'b.png']) await shareFile({ baseUrl: running.baseUrl, room, body: pngFile(), name });
  await running.kill('SIGKILL');
  const database = await running.openDatabase();
  await database('chat_files').delete();
  await database.destroy();
  store.fail('DeleteObject', 'hang', 1000);
  // Each deletion takes a minute and a half to fail.
  await running.restart();
  expect(store.left()).toBeLessThan(1000);
  expect(await running.kill('SIGTERM')).toEqual({ code: 0, signal: null });
  expect(await storedFiles(running.dataDir)).toHaveLength(2);
  store.heal();
  await running.restart();
  await eventually('they are gone', async () => (await storedFiles(running.dataDir)).length === 0);
});
