/** Files that are shared only once a real clamd has found them clean: what is refused, what waits, and who sees what meanwhile. */
import { readdir, readFile } from 'node:fs/promises';
import path from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { zip } from '../rules/zip-files.ts';
import { variantEntry } from '../services/built-server.ts';
import { codeOf, get, listFiles, listUploads, storedFiles, unfinishedBytes } from '../services/chat-api.ts';
import { type ChatRoom, newChatRoom } from '../services/chat-room.ts';
import { type Chatdrop, startChatdrop } from '../services/chatdrop-process.ts';
import { EICAR, SAMPLES_FOLDER, startClamd, type TestClamd } from '../services/clamd.ts';
import { eventually } from '../services/eventually.ts';
import { mp4File, pngFile, sha256Of, textFile } from '../services/fixtures.ts';
import { sendMultipart } from '../services/multipart.ts';
import { runCommandHere } from '../services/run-command.ts';
import { recordSocket } from '../services/socket-recorder.ts';
import { create, fileIdOf, head, patch } from '../services/tus-wire.ts';
import { jsonOf, send, type WireAnswer } from '../services/wire.ts';

const MIB = 1024 * 1024;
const ENV = { CHAT_ALLOWED_FILE_TYPES: '*', CHAT_MAX_FILE_SIZE: '27MB', LOG_LEVEL: 'info' };
const CLAMD_BYTES = 26 * MIB;
const FILES = 200;

let clamd: TestClamd;
let server: Chatdrop;
beforeAll(async () => {
  clamd = await startClamd({ maxBytes: CLAMD_BYTES });
  server = await startChatdrop({ env: { ...ENV, CLAMAV_URL: clamd.url } });
});
afterAll(async () => {
  await server?.stop();
  await clamd?.close();
});

describe('what is clean', () => {
  test('is shared as such, with its sha256; the others see that it was looked at first', async () => {
    const room = newChatRoom();
    const agent = await listen(room, room.agent);
    const body = mp4File(300_000);
    const { answer } = await upload(room, body, 'film.mp4', [100_000, 250_000]);
    expect(answer.status).toBe(204);
    const known = { scan: 'clean', sha256: await sha256Of(body) };
    expect((await agent.waitForEvent('file_shared')).payload).toMatchObject({ id: fileIdOf(answer), ...known });
    expect((await listFiles(server.baseUrl, room)).files).toMatchObject([known]);
    await agent.waitFor(({ payload }) => payload?.state === 'done');
    const states = agent.payloads('upload_progress').map(({ state }) => state);
    expect(states.slice(-2)).toEqual(['checking', 'done']);
    agent.close();
  });

  test('also when it is empty, comes in one request, or as a parallel upload; a wrong sha256 is still one', async () => {
    const room = newChatRoom();
    const { baseUrl } = server;
    const token = room.visitor;
    const body = textFile(500);
    const empty = await create({ baseUrl, token, length: 0, metadata: { filename: 'empty.txt' } });
    const file = { body, name: 'note.txt', type: 'text/plain' };
    const whole = await sendMultipart({ baseUrl, token, file });
    const parts = await Promise.all(
      [0, 250].map((at) =>
        create({ baseUrl, token, body: body.subarray(at, at + 250), headers: { 'upload-concat': 'partial' } }),
      ),
    );
    const concat = `final;${parts.map(({ url }) => url).join(' ')}`;
    const final = await create({
      baseUrl,
      token,
      headers: { 'upload-concat': concat },
      metadata: { filename: 'b.txt' },
    });
    const wrong = await create({ baseUrl, token, body, metadata: { filename: 'c.txt', sha256: '0'.repeat(64) } });
    expect([empty.status, whole.status, final.status]).toEqual([201, 201, 201]);
    expect([wrong.status, codeOf(wrong)]).toEqual([422, 'checksum-mismatch']);
    const { files } = await listFiles(baseUrl, room);
    const hashes = await Promise.all([Buffer.alloc(0), body, body].map((bytes) => sha256Of(bytes)));
    expect(files.map(({ scan, sha256 }) => [scan, sha256])).toEqual(hashes.map((hash) => ['clean', hash]));
  });

  test('clients are told that files are scanned', async () => {
    const config = jsonOf(await get(server.baseUrl, '/api/chat/config/', newChatRoom().visitor));
    expect(config).toMatchObject({ scans_files: true });
  });
});

describe('what is infected', () => {
  const film = mp4File(25 * MIB - EICAR.length, 7);
  const inside = zip({ 'readme.txt': 'Nothing here.', 'eicar.txt': EICAR });
  test.each<[string, string, () => Uint8Array, number[]]>([
    ['as it is', 'eicar.txt', () => EICAR, []],
    ['split over chunks', 'eicar2.txt', () => Buffer.concat([textFile(100), EICAR]), [110, 130, 150]],
    ['in a zip', 'eicar.zip', () => inside, []],
    ['in a zip in a zip', 'nested.zip', () => zip({ 'one.zip': zip({ 'two.zip': inside }) }), []],
    ['at the end of 25 MB', 'film.mp4', () => Buffer.concat([film, EICAR]), [64 * 1024, 10 * MIB]],
  ])('%s: refused, and nothing of it is left', async (_, name, bytes, cuts) => {
    const room = newChatRoom();
    const agent = await listen(room, room.agent);
    const { url, answer } = await upload(room, Buffer.from(bytes()), name, cuts);
    expect([answer.status, codeOf(answer)]).toEqual([422, 'infected']);
    expect(jsonOf<{ detail: string }>(answer).detail).toMatch(/^A virus was found in this file/);
    // Told again, however often.
    const again = await patch({ url, token: room.visitor, offset: bytes().length, body: '' });
    expect([again.status, codeOf(again), (await head(url, room.visitor)).status]).toEqual([422, 'infected', 410]);
    await agent.waitFor(({ payload }) => payload?.state === 'failed');
    await expectNothing(room);
    expect(agent.payloads('file_shared')).toEqual([]);
    agent.close();
    const [noted] = await infectionsOf(room);
    expect(noted).toMatchObject({
      signature: 'Eicar-Test-Signature.UNOFFICIAL',
      sha256: await sha256Of(Buffer.from(bytes())),
      name,
      size: bytes().length,
      uploader: 'user',
      file_id: null,
    });
    expect(await auditOf(room)).toMatchObject([{ action: 'infected', role: 'user', name, file_id: null }]);
  });

  test('by the original API’s one request too', async () => {
    const room = newChatRoom();
    const file = { body: Buffer.concat([textFile(30), EICAR]), name: 'a.txt', type: 'text/plain' };
    const answer = await sendMultipart({ baseUrl: server.baseUrl, token: room.visitor, file });
    expect([answer.status, codeOf(answer)]).toEqual([422, 'infected']);
    await expectNothing(room);
    expect(await infectionsOf(room)).toHaveLength(1);
  });

  test('all of ClamAV’s own samples are refused: programs by their type, what hides one by clamd', async () => {
    const room = newChatRoom();
    const names = await readdir(SAMPLES_FOLDER);
    expect(names.length).toBeGreaterThanOrEqual(44);
    const codes: Record<string, string> = {};
    for (const name of names) {
      const { answer } = await upload(room, await readFile(path.join(SAMPLES_FOLDER, name)), name);
      codes[name] = codeOf(answer);
      expect([name, answer.status]).toEqual([name, answer.status === 415 ? 415 : 422]);
    }
    await expectNothing(room);
    expect(Object.values(codes)).not.toContain('');
    expect(codes).toMatchObject({ 'clam.zip': 'executable', 'clam.pdf': 'infected', 'clam.7z': 'infected' });
    const byClamd = Object.values(codes).filter((code) => code === 'infected' || code === 'unscannable');
    expect(byClamd.length, JSON.stringify(codes)).toBeGreaterThan(20);
  });

  test('the same bytes again are refused without the scanner; with a declared sha256 before any byte', async () => {
    const room = newChatRoom();
    const body = Buffer.concat([textFile(777), EICAR]);
    expect(codeOf((await upload(room, body, 'first.txt')).answer)).toBe('infected');
    await clamd.stop();
    try {
      const other = newChatRoom();
      expect(codeOf((await upload(other, body, 'second.txt')).answer)).toBe('infected');
      // Of the same size, and of other bytes: that takes a scan.
      const innocent = Buffer.concat([textFile(777), Buffer.alloc(EICAR.length, 'a')]);
      expect(codeOf((await upload(other, innocent, 'third.txt')).answer)).toBe('scanner-unavailable');
      const third = newChatRoom();
      const metadata = { filename: 'third.txt', sha256: await sha256Of(body) };
      const declared = await create({ baseUrl: server.baseUrl, token: third.visitor, length: body.length, metadata });
      expect([declared.status, codeOf(declared), declared.url]).toEqual([422, 'infected', '']);
      expect(await rowsOf(third)).toEqual([]);
      expect(await infectionsOf(other)).toMatchObject([{ name: 'second.txt', sha256: metadata.sha256 }]);
    } finally {
      await clamd.start();
    }
  });
});

describe('a company that wants no scan', () => {
  test('has its files shared as not scanned, also while the scanner is away; what is known to be bad is refused all the same', async () => {
    const [room, other] = [newChatRoom(), newChatRoom()];
    const { baseUrl } = server;
    const known = Buffer.concat([textFile(901), EICAR]);
    expect(codeOf((await upload(other, known, 'a.txt')).answer)).toBe('infected');
    await setPolicy(room, 'scan_required=false');
    const body = textFile(700);
    const shared = await upload(room, Buffer.concat([body, EICAR]), 'a.txt');
    expect(shared.answer.status).toBe(204);
    await clamd.stop();
    try {
      expect((await create({ baseUrl, token: room.visitor, body })).status).toBe(201);
      const refused = await upload(room, known, 'b.txt');
      expect([refused.answer.status, codeOf(refused.answer)]).toEqual([422, 'infected']);
    } finally {
      await clamd.start();
    }
    const { files, count } = await listFiles(baseUrl, room);
    expect([count, files.map(({ scan }) => scan)]).toEqual([2, ['not_scanned', 'not_scanned']]);
    expect(await infectionsOf(room)).toMatchObject([{ name: 'b.txt', file_id: null }]);
    expect(jsonOf(await get(baseUrl, '/api/chat/config/', room.visitor))).toMatchObject({ scans_files: false });
    expect(jsonOf(await get(baseUrl, '/api/chat/config/', other.visitor))).toMatchObject({ scans_files: true });
  });
});

describe('what cannot be scanned', () => {
  test('too much for clamd: refused, and both sides see why', async () => {
    const room = newChatRoom();
    const agent = await listen(room, room.agent);
    const { url, answer } = await upload(room, mp4File(CLAMD_BYTES + 1), 'long.mp4');
    expect([answer.status, codeOf(answer)]).toEqual([422, 'unscannable']);
    expect(jsonOf<{ detail: string }>(answer).detail).toContain('larger than the virus scanner takes');
    expect((await head(url, room.visitor)).status).toBe(410);
    await agent.waitFor(({ payload }) => payload?.state === 'unscannable');
    for (const token of [room.visitor, room.agent]) {
      const [seen, ...more] = await listUploads(server.baseUrl, room, token);
      expect([seen?.state, seen?.name, seen && 'upload_url' in seen, more]).toEqual([
        'unscannable',
        'long.mp4',
        false,
        [],
      ]);
    }
    await expectNothing(room);
    expect(await infectionsOf(room)).toEqual([]);
    agent.close();
  });

  test('the server knows that from its start, and says what to do', () => {
    expect(server.logs()).toMatch(
      /clamd takes files up to 26 MB .* CHAT_MAX_FILE_SIZE is 27 MB.*Raise StreamMaxLength/,
    );
  });

  test('clamd says that it is encrypted', async () => {
    const room = newChatRoom();
    const { answer } = await upload(room, encryptedZip(), 'secret.zip');
    expect([answer.status, codeOf(answer)]).toEqual([422, 'unscannable']);
    expect(jsonOf<{ detail: string }>(answer).detail).toContain('without a password');
    await expectNothing(room);
  });
});

describe('a scanner that goes away', () => {
  test('in the middle of a scan: nothing is shared until it is back, everybody sees why, and then it is shared by itself', async () => {
    const { baseUrl } = server;
    const room = newChatRoom();
    const agent = await listen(room, room.agent);
    const body = mp4File(200_000, 3);
    const created = await create({
      baseUrl,
      token: room.visitor,
      length: body.length,
      metadata: { filename: 'f.mp4' },
    });
    clamd.pause();
    const patching = patch({ url: created.url, token: room.visitor, offset: 0, body });
    await agent.waitFor(({ payload }) => payload?.state === 'checking');
    for (const token of [room.visitor, room.agent])
      expect((await listUploads(baseUrl, room, token)).map(({ state }) => state)).toEqual(['checking']);
    const paused = jsonOf<object>(await get(baseUrl, '/readyz'));
    expect(paused).toMatchObject({ status: 'ready', degraded: ['scanner'] });

    await clamd.stop();
    const answer = await patching;
    expect([answer.status, codeOf(answer)]).toEqual([503, 'scanner-unavailable']);
    expect(jsonOf<{ detail: string }>(answer).detail).toContain('shared as soon as it is back');
    expect(Number(answer.headers['retry-after'])).toBeGreaterThan(0);
    expect((await head(created.url, room.visitor)).status).toBe(423);
    const again = await patch({ url: created.url, token: room.visitor, offset: body.length, body: '' });
    expect([again.status, codeOf(again)]).toEqual([503, 'scanner-unavailable']);
    await agent.waitFor(({ payload }) => payload?.state === 'error');
    for (const token of [room.visitor, room.agent])
      expect((await listUploads(baseUrl, room, token)).map(({ state }) => state)).toEqual(['error']);
    const ready = await get(baseUrl, '/readyz');
    expect([ready.status, jsonOf(ready)]).toMatchObject([200, { status: 'ready', degraded: ['scanner'] }]);

    // Who sends everything in one request sends it again: nothing of it waits.
    const other = newChatRoom();
    const file = { body: pngFile(), name: 'a.png', type: 'image/png' };
    const inOne = await sendMultipart({ baseUrl, token: other.visitor, file });
    const withCreation = await create({ baseUrl, token: other.visitor, body: pngFile() });
    for (const refused of [inOne, withCreation]) {
      expect([refused.status, codeOf(refused)]).toEqual([503, 'scanner-unavailable']);
      expect(jsonOf<{ detail: string }>(refused).detail).toContain('Send it again in a moment');
      expect(Number(refused.headers['retry-after'])).toBeGreaterThan(0);
    }
    await expectNothing(other);
    expect((await listFiles(baseUrl, room)).files).toEqual([]);
    expect(agent.payloads('file_shared')).toEqual([]);

    await clamd.start();
    const { payload } = await agent.waitForEvent('file_shared');
    expect(payload).toMatchObject({ name: 'f.mp4', scan: 'clean', sha256: await sha256Of(body) });
    expect(fileIdOf(await head(created.url, room.visitor))).toBe(payload.id);
    const well = jsonOf<object>(await get(baseUrl, '/readyz'));
    expect('degraded' in well).toBe(false);
    expect((await listFiles(baseUrl, room)).count).toBe(1);
    expect(agent.payloads('file_shared')).toHaveLength(1);
    agent.close();
  });

  test(`${FILES} files that wait for it are all shared, each once`, { timeout: 180_000 }, async () => {
    const { baseUrl } = server;
    const room = newChatRoom();
    await clamd.stop();
    const bodies = Array.from({ length: FILES }, (_, n) => pngFile({ bytes: 300 + n, seed: n + 1 }));
    const statuses = new Set<string>();
    for (let at = 0; at < FILES; at += 20) {
      const answers = bodies.slice(at, at + 20).map((body, n) => upload(room, body, `${at + n}.png`));
      for (const { answer } of await Promise.all(answers)) statuses.add(codeOf(answer));
    }
    expect([...statuses]).toEqual(['scanner-unavailable']);
    expect((await listFiles(baseUrl, room)).count).toBe(0);
    await clamd.start();
    const isDone = async () => (await listFiles(baseUrl, room, '&limit=1')).count === FILES;
    await eventually('all are shared', isDone, 120_000);
    const all = await listFiles(baseUrl, room, '&limit=200');
    expect(new Set(all.files.map(({ name }) => name)).size).toBe(FILES);
    expect(all.files.every(({ scan }) => scan === 'clean')).toBe(true);
    expect(all.seq).toBe(FILES);
    expect(await listUploads(baseUrl, room)).toEqual([]);
  });
});

test('away at the start, and killed between scan and record: shared once, as clean', async () => {
  await clamd.stop();
  const entry = variantEntry('crashing-server');
  const env = { ...ENV, CLAMAV_URL: clamd.socketUrl, CRASH_AT: 'inside the transaction' };
  const running = await startChatdrop({ entry, env });
  try {
    const { baseUrl } = running;
    const room = newChatRoom();
    expect(jsonOf(await get(baseUrl, '/readyz'))).toMatchObject({ status: 'ready', degraded: ['scanner'] });
    expect(running.logs()).toContain('The virus scanner is away');
    const body = mp4File(100_000, 5);
    const { url, answer } = await upload(room, body, 'film.mp4', [], baseUrl);
    expect([answer.status, codeOf(answer)]).toEqual([503, 'scanner-unavailable']);
    await clamd.start();
    const gone = () => send({ method: 'GET', url: `${baseUrl}/healthz` }).catch(() => null);
    await eventually('it was scanned, and the process is gone', async () => (await gone()) === null);
    await running.restart();
    const agent = recordSocket({ baseUrl, auth: { token: room.agent, session_id: room.session, after: 0 } });
    const { payload } = await agent.waitForEvent('file_shared');
    expect(payload).toMatchObject({ scan: 'clean', sha256: await sha256Of(body) });
    expect(fileIdOf(await head(url, room.visitor))).toBe(payload.id);
    const { count, seq } = await listFiles(baseUrl, room);
    expect([count, seq, agent.payloads('file_shared').length]).toEqual([1, 1, 1]);
    agent.close();
  } finally {
    await running.stop();
  }
});

type Uploaded = { url: string; answer: WireAnswer };

/** By tus: a creation, then a PATCH to each cut and to the end. A refusal on the way is the answer. */
async function upload(
  room: ChatRoom,
  body: Buffer,
  name: string,
  cuts: number[] = [],
  baseUrl = server.baseUrl,
): Promise<Uploaded> {
  const { visitor: token } = room;
  const created = await create({ baseUrl, token, length: body.length, metadata: { filename: name } });
  if (created.status !== 201) return { url: created.url, answer: created };
  let offset = 0;
  let answer: WireAnswer = created;
  for (const end of [...cuts, body.length]) {
    answer = await patch({ url: created.url, token, offset, body: body.subarray(offset, end) });
    if (answer.status !== 204) break;
    offset = end;
  }
  return { url: created.url, answer };
}

/** Waits until the running server has it. */
async function setPolicy({ company, visitor }: ChatRoom, word: string): Promise<void> {
  const set = await runCommandHere(['company', 'set', company, word], server.env);
  expect([set.code, set.stderr]).toEqual([0, '']);
  const config = async () => jsonOf<{ scans_files: boolean }>(await get(server.baseUrl, '/api/chat/config/', visitor));
  await eventually('the server knows', async () => !(await config()).scans_files, 60_000);
}

async function listen(room: ChatRoom, token: string) {
  const auth = { token, session_id: room.session };
  const recorder = recordSocket({ baseUrl: server.baseUrl, auth });
  await recorder.waitForEvent('connection_established');
  return recorder;
}

/** No row, no number of the ledger, no byte. */
async function expectNothing(room: ChatRoom): Promise<void> {
  const { files, count, seq } = await listFiles(server.baseUrl, room);
  expect([files, count, seq]).toEqual([[], 0, 0]);
  const ids = await rowsOf(room);
  const keys = ids.flatMap(({ storage_key: key }) => (key === null ? [] : [path.basename(key)]));
  const stored = (await storedFiles(server.dataDir)).map((file) => path.basename(file));
  expect(stored.filter((name) => keys.includes(name))).toEqual([]);
  const unfinished = (await unfinishedBytes(server.dataDir)).join();
  for (const { id } of ids) expect(unfinished).not.toContain(id);
}

async function rowsOf({ company }: ChatRoom): Promise<{ id: string; storage_key: string | null }[]> {
  return look((database) => database('uploads').where({ company_id: company }).select('id', 'storage_key'));
}

async function infectionsOf({ company }: ChatRoom): Promise<Record<string, unknown>[]> {
  return look((database) => database('infections').where({ company_id: company }).orderBy('id'));
}

async function auditOf({ company }: ChatRoom): Promise<Record<string, unknown>[]> {
  return look((database) => database('audit_entries').where({ company_id: company, action: 'infected' }));
}

async function look<T>(query: (database: Awaited<ReturnType<Chatdrop['openDatabase']>>) => PromiseLike<T>): Promise<T> {
  const database = await server.openDatabase();
  try {
    return await query(database);
  } finally {
    await database.destroy();
  }
}

/** A ZIP file whose headers say that its entry is encrypted: 12 bytes of a header of its own come before what was in it. */
function encryptedZip(): Buffer {
  const content = 'Nobody can read this without the password.';
  const bytes = Buffer.from(zip({ 'secret.txt': content }));
  const entry = bytes.indexOf('PK\u0001\u0002');
  bytes[6] = 1;
  bytes.writeUInt32LE(content.length - 12, 22);
  bytes[entry + 8] = 1;
  bytes.writeUInt32LE(content.length - 12, entry + 24);
  return bytes;
}
