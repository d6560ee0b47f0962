/** Files that were shared before there was a scanner, or before it knew better; and what the operator sees of the scanner. */
import { afterAll, beforeAll, expect, onTestFinished, test } from 'vitest';
import { listFiles, shareFile, storedFiles } from '../services/chat-api.ts';
import { newChatRoom } from '../services/chat-room.ts';
import { chatdropForSuite } from '../services/chatdrop-suite.ts';
import { EICAR, startClamd, type TestClamd } from '../services/clamd.ts';
import { makeDjangoSource } from '../services/django-source.ts';
import { pngFile, sha256Of, textFile } from '../services/fixtures.ts';
import { runCommandHere } from '../services/run-command.ts';
import { recordSocket } from '../services/socket-recorder.ts';
import { create, fileIdOf } from '../services/tus-wire.ts';

/** It shares files unscanned; the scanner comes later. */
const server = chatdropForSuite();
let clamd: TestClamd;
beforeAll(async () => {
  clamd = await startClamd({ maxBytes: 2 * 1024 * 1024 });
});
afterAll(() => clamd?.close());

const run = (...args: string[]) => runCommandHere(args, { ...server().env, CLAMAV_URL: clamd.url });

test('what is clean is marked so, what is infected goes, and everybody in the chat hears of both', async () => {
  const room = newChatRoom();
  const { baseUrl, dataDir } = server();
  const bad = Buffer.concat([textFile(50), EICAR]);
  const picture = pngFile({ bytes: 400 });
  const clean = await shareFile({ baseUrl, room, body: picture, name: 'a.png' });
  const infected = await shareFile({ baseUrl, room, body: bad, name: 'b.txt', token: room.agent });
  const empty = await shareFile({ baseUrl, room, body: Buffer.alloc(0), name: 'c.txt' });
  expect([clean, infected, empty].map(({ scan, sha256 }) => [scan, sha256])).toEqual(
    Array(3).fill(['not_scanned', null]),
  );
  const socket = recordSocket({ baseUrl, auth: { token: room.visitor } });
  await socket.waitForEvent('connection_established');

  const { code, stdout } = await run('rescan', '--company', room.company);
  expect([code, stdout]).toEqual([
    0,
    `infected, removed: file ${infected.id} “b.txt” (${room.company}/${room.session}): Eicar-Test-Signature.UNOFFICIAL\n` +
      '3 files scanned (0 MiB), 2 newly clean, 1 infected and removed, 0 not scanned.\n',
  ]);
  const removed = (await socket.waitForEvent('file_removed')).payload;
  expect(removed).toMatchObject({ id: infected.id, reason: 'infected' });
  await socket.waitFor(({ name, payload }) => name === 'file_updated' && payload.id === empty.id);
  expect(socket.payloads('file_updated')).toMatchObject([
    { id: clean.id, scan: 'clean', sha256: await sha256Of(picture), seq: 4 },
    { id: empty.id, scan: 'clean', sha256: await sha256Of(Buffer.alloc(0)) },
  ]);
  const { files, seq } = await listFiles(baseUrl, room);
  expect(files.map(({ id, scan }) => [id, scan])).toEqual([
    [clean.id, 'clean'],
    [empty.id, 'clean'],
  ]);
  expect((await storedFiles(dataDir)).filter((path) => path.includes(`/${room.session}/`))).toHaveLength(1);

  // Again: nothing is news, and nothing is said.
  const again = await run('rescan', '--company', room.company);
  expect([again.code, again.stdout]).toEqual([
    0,
    '2 files scanned (0 MiB), 0 newly clean, 0 infected and removed, 0 not scanned.\n',
  ]);
  expect((await run('rescan', '--company', room.company, '--not-scanned')).stdout).toMatch(/^0 files scanned/);
  expect((await listFiles(baseUrl, room)).seq).toBe(seq);
  expect(socket.payloads('file_updated')).toHaveLength(2);
  socket.close();

  const listed = JSON.parse((await run('infections', '--company', room.company, '--json')).stdout);
  const sha256 = await sha256Of(bad);
  const find = { file_id: infected.id, name: 'b.txt', uploader: 'agent', sha256, size: bad.length };
  expect(listed).toMatchObject({ ...find, signature: 'Eicar-Test-Signature.UNOFFICIAL' });
  expect((await run('infections')).stdout).toContain(sha256);
  // This server has no scanner, and still knows these bytes.
  const known = { baseUrl, token: room.visitor, length: bad.length, metadata: { filename: 'd.txt', sha256 } };
  expect((await create(known)).status).toBe(422);
  expect((await run('infections', '--forget', sha256)).code).toBe(0);
  expect((await create(known)).status).toBe(201);
  expect((await run('infections', '--forget', sha256)).code).toBe(1);
  const noted = JSON.parse((await run('audit', '--action', 'infection_forgotten', '--json')).stdout);
  expect(noted).toMatchObject({ company_id: '', role: 'operator', detail: { sha256 } });
});

test('what is imported is scanned as an upload is: a virus is named and noted once, however often it is tried', async () => {
  const { baseUrl, dataDir } = server();
  const room = newChatRoom();
  const source = await makeDjangoSource();
  onTestFinished(() => source.close());
  const scope = { company_id: room.company, session_id: room.session, uploader: 'user' };
  const bad = Buffer.concat([textFile(77), EICAR]);
  for (const [name, body] of [
    ['good.txt', textFile(60)],
    ['bad.txt', bad],
  ] as const)
    await source.add({ ...scope, file: `chat/${name}`, original_name: name, size: body.length }, body);
  const args = ['import', '--from', source.from, '--media', source.media, '--source', 'scanned'];
  const before = (await storedFiles(dataDir)).length;
  for (const imported of [1, 0]) {
    const { code, stdout } = await run(...args);
    expect([code, stdout]).toEqual([0, expect.stringContaining('refused (infected): row 2 (chat/bad.txt): ')]);
    expect(stdout).toContain(`2 rows looked at: ${imported} imported`);
  }
  const { files } = await listFiles(baseUrl, room);
  expect(files.map(({ name, scan }) => [name, scan])).toEqual([['good.txt', 'clean']]);
  expect((await storedFiles(dataDir)).length).toBe(before + 1);
  const finds = (await run('infections', '--company', room.company, '--json')).stdout.trim().split('\n');
  expect(finds.map((line) => JSON.parse(line))).toMatchObject([{ name: 'bad.txt', sha256: await sha256Of(bad) }]);
  // The scanner is away: what is left comes later, and nothing was shared unseen.
  await source.add({ ...scope, file: 'chat/later.txt', original_name: 'later.txt', size: 9 }, textFile(9));
  const away = await runCommandHere(args, { ...server().env, CLAMAV_URL: 'tcp://127.0.0.1:1' });
  expect([away.code, away.stdout]).toEqual([1, expect.not.stringContaining('later.txt')]);
  expect((await listFiles(baseUrl, room)).count).toBe(1);
  expect((await run(...args)).stdout).toContain('1 imported');
});

test('new signatures find what the old ones did not; --since leaves out what is older', async () => {
  const room = newChatRoom();
  const { baseUrl } = server();
  const body = textFile(999);
  const file = await shareFile({ baseUrl, room, body, name: 'late.txt' });
  expect((await run('rescan', '--company', room.company)).stdout).toContain('1 newly clean');
  await clamd.stop();
  await clamd.learn('Late.Signature', body);
  await clamd.start();
  expect((await run('rescan', '--company', room.company, '--since', '2100-01-01')).stdout).toMatch(/^0 files scanned/);
  const found = await run('rescan', '--company', room.company, '--since', '1h');
  expect([found.code, found.stdout]).toEqual([0, expect.stringContaining(`infected, removed: file ${file.id}`)]);
  expect((await listFiles(baseUrl, room)).files).toEqual([]);
});

test('what cannot be scanned stays, and is named; a scanner that is away ends it', async () => {
  const room = newChatRoom();
  const { baseUrl } = server();
  const large = await shareFile({ baseUrl, room, body: pngFile({ bytes: 3 * 1024 * 1024 }), name: 'large.png' });
  const named = await run('rescan', '--company', room.company);
  expect([named.code, named.stdout]).toEqual([
    1,
    expect.stringMatching(new RegExp(`^unscannable: file ${large.id} .*larger than the virus scanner takes`)),
  ]);
  expect((await listFiles(baseUrl, room)).files).toMatchObject([{ id: large.id, scan: 'not_scanned' }]);
  await clamd.stop();
  expect(await run('rescan')).toEqual({ code: 1, stdout: '', stderr: 'chatdrop: The virus scanner is away.\n' });
  await clamd.start();
  const { code, stdout } = await runCommandHere(['rescan', '--since', 'soon'], server().env);
  expect([code, stdout]).toEqual([2, '']);
});

test('without CLAMAV_URL there is nothing to rescan with, and the server says so to clients', async () => {
  const { code, stderr } = await runCommandHere(['rescan'], server().env);
  expect([code, stderr]).toEqual([1, expect.stringContaining('Set CLAMAV_URL')]);
  const created = await create({
    baseUrl: server().baseUrl,
    token: newChatRoom().visitor,
    body: EICAR,
    metadata: { filename: 'unscanned.txt' },
  });
  expect([created.status, fileIdOf(created) > 0]).toEqual([201, true]);
});

test('doctor asks the scanner, and says what to do about its limit and its absence', async () => {
  const small = await run('doctor');
  expect([small.code, small.stdout]).toEqual([
    1,
    expect.stringMatching(
      /✗ scanner: ClamAV [\d.]+ takes files up to 2 MB only, and CHAT_MAX_FILE_SIZE is 25 MB\n.*→ Raise Str/,
    ),
  ]);
  const env = { ...server().env, CLAMAV_URL: clamd.socketUrl, CHAT_MAX_FILE_SIZE: '2MB' };
  expect((await runCommandHere(['doctor'], env)).stdout).toMatch(/✓ scanner: ClamAV [\d.]+; it takes files of 2 MB\n/);
  await clamd.stop();
  expect((await run('doctor')).stdout).toMatch(
    /✗ scanner: clamd does not answer: .*ECONNREFUSED.*\n.*→ Is clamd running/,
  );
  expect((await runCommandHere(['doctor'], server().env)).stdout).not.toContain('scanner');
});
