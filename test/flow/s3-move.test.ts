/** The files of a running server move from the disk to S3 and back: at no time is one of them away. */
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { listFiles, listUploads, shareFile } from '../services/chat-api.ts';
import { newChatRoom } from '../services/chat-room.ts';
import { type Chatdrop, startChatdrop } from '../services/chatdrop-process.ts';
import { mp4File, sha256Of, textFile } from '../services/fixtures.ts';
import { runCommand, runCommandHere } from '../services/run-command.ts';
import { bucketAt, bucketSettings, objectKeys, type TestBucket } from '../services/shared-s3.ts';
import { create, fileIdOf, head, offsetOf, patch } from '../services/tus-wire.ts';
import { send } from '../services/wire.ts';

const ON_DISK = { USE_S3_STORAGE: 'false' };
const ON_S3 = { USE_S3_STORAGE: 'true' };
const HALF = 3_000_000;

let dataDir = '';
let server: Chatdrop | undefined;
beforeAll(async () => {
  dataDir = await mkdtemp(path.join(tmpdir(), 'chatdrop-move-'));
});
afterAll(async () => {
  await server?.stop();
  await rm(dataDir, { recursive: true, force: true });
});

test('to S3 and back: every file can be fetched at every step, and what was under way goes on', async () => {
  const room = newChatRoom();
  const shared = new Map<string, Buffer>();
  const share = async (name: string, body: Buffer) => {
    await shareFile({ baseUrl: address(), room, body, name });
    shared.set(name, body);
  };
  const expectAll = async () => {
    const { files } = await listFiles(address(), room);
    expect(files.map(({ name }) => name).sort()).toEqual([...shared.keys()].sort());
    for (const { name, url } of files) {
      const { status, body, headers } = await send({ method: 'GET', url });
      const content = status === 302 ? (await send({ method: 'GET', url: String(headers.location) })).body : body;
      expect(await sha256Of(content)).toBe(await sha256Of(shared.get(name) ?? Buffer.alloc(0)));
    }
  };

  await start(ON_DISK);
  await share('before.txt', textFile(500));
  await share('film.mp4', mp4File(6_000_000));
  const body = mp4File(2 * HALF, 7);
  const { url } = await create({
    baseUrl: address(),
    token: room.visitor,
    length: body.length,
    metadata: { filename: 'under-way.mp4' },
  });
  const half = await patch({ url: movedTo(url), token: room.visitor, offset: 0, body: body.subarray(0, HALF) });
  expect(offsetOf(half)).toBe(HALF);

  // Without a move the server would have lost all of them: it does not start, and says what to do.
  await server?.stop();
  const refused = await runCommand(['serve'], await settingsOf(ON_S3));
  expect([refused.code, refused.stderr]).toEqual([1, expect.stringContaining('chatdrop migrate-storage --to s3')]);
  await start(ON_DISK);

  const copied = await chatdrop(['migrate-storage', '--to', 's3'], ON_DISK);
  expect([copied.code, copied.stdout]).toEqual([0, expect.stringContaining('USE_S3_STORAGE=true')]);
  expect(copied.stdout).toContain('2 copied');
  await share('after-the-copy.txt', textFile(700));
  await expectAll();

  await start(ON_S3);
  await expectAll();
  await share('on-s3.txt', textFile(900));
  expect((await listUploads(address(), room)).map(({ offset }) => offset)).toEqual([HALF]);
  const waiting = await chatdrop(['migrate-storage', '--to', 's3'], ON_S3);
  expect([waiting.code, waiting.stdout]).toEqual([1, expect.stringContaining('1 uploads that began before')]);
  expect(offsetOf(await head(movedTo(url), room.visitor))).toBe(HALF);
  const last = await patch({ url: movedTo(url), token: room.visitor, offset: HALF, body: body.subarray(HALF) });
  expect([last.status, fileIdOf(last)]).toEqual([204, expect.any(Number)]);
  shared.set('under-way.mp4', body);
  await expectAll();

  const done = await chatdrop(['migrate-storage', '--to', 's3', '--empty-source'], ON_S3);
  expect([done.code, done.stdout]).toEqual([0, expect.stringContaining('Nothing is left on the local disk')]);
  expect((await objectKeys(bucketAt(dataDir) as TestBucket)).length).toBe(shared.size);
  await expectAll();
  await start(ON_S3);
  await expectAll();
  expect((await chatdrop(['files', 'verify', '--deep'], ON_S3)).stdout).toContain('all is well');

  // And back.
  expect((await chatdrop(['migrate-storage', '--to', 'local'], ON_S3)).code).toBe(0);
  await start(ON_DISK);
  await expectAll();
  expect((await chatdrop(['migrate-storage', '--to', 'local', '--empty-source'], ON_DISK)).code).toBe(0);
  expect(await objectKeys(bucketAt(dataDir) as TestBucket)).toEqual([]);
  await start(ON_DISK);
  await expectAll();
  expect((await chatdrop(['migrate-storage', '--to', 'local'], ON_DISK)).stdout).toContain('already');
}, 300_000);

async function start(env: Record<string, string>): Promise<void> {
  const port = server?.port;
  await server?.stop();
  server = await startChatdrop({ dataDir, env, ...(port !== undefined && { port }) });
}

function address(): string {
  return server?.baseUrl ?? '';
}

/** The same path at the address that the server has now. */
function movedTo(url: string): string {
  return new URL(new URL(url).pathname, address()).href;
}

async function chatdrop(args: string[], env: Record<string, string>) {
  return runCommandHere(args, await settingsOf(env));
}

async function settingsOf(env: Record<string, string>): Promise<Record<string, string>> {
  return { DATA_DIR: dataDir, ...(await bucketSettings(dataDir)), ...env };
}
