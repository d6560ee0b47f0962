/** Everything of a session as one zip: for its agent, by a link, and for the operator with a manifest. */
import { mkdtemp, readFile, rm, stat } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { bearer, codeOf, get, shareFile } from '../services/chat-api.ts';
import { type ChatRoom, newChatRoom } from '../services/chat-room.ts';
import { chatdropForSuite } from '../services/chatdrop-suite.ts';
import { createExpectDocumented } from '../services/documented.ts';
import { pngFile, textFile } from '../services/fixtures.ts';
import { readZip } from '../services/read-zip.ts';
import { runCommandHere } from '../services/run-command.ts';
import { agentToken } from '../services/tokens.ts';
import { create } from '../services/tus-wire.ts';
import { jsonOf, send } from '../services/wire.ts';

const ADMIN_TOKEN = 'the-operator-and-nobody-but-the-operator';
const server = chatdropForSuite({ env: { ADMIN_TOKEN } });

test('an agent downloads all files, by the token or by a link that needs none', async () => {
  const { baseUrl } = server();
  const expectDocumented = createExpectDocumented(jsonOf(await get(baseUrl, '/openapi.json')));
  const { room, png, text } = await filled();
  const path = `/api/chat/sessions/${room.session}/archive/`;
  const answer = await get(baseUrl, path, room.agent, { range: 'bytes=0-3' });
  expectDocumented('GET /api/chat/sessions/{session}/archive/', answer);
  expect(answer.status).toBe(200);
  expect(answer.headers).toMatchObject({
    'content-type': 'application/zip',
    'content-disposition': `attachment; filename=${room.session}.zip`,
    'x-content-type-options': 'nosniff',
    'content-security-policy': expect.stringContaining('sandbox'),
    'cross-origin-resource-policy': 'same-origin',
    'referrer-policy': 'no-referrer',
    'cache-control': 'no-store',
  });
  const expected = [
    ['photo.png', png],
    ['notes.txt', text],
    ['photo (2).png', png],
  ];
  expect((await readZip(answer.body)).map(({ name, body }) => [name, body])).toEqual(expected);

  const linked = await send({ method: 'POST', url: baseUrl + path, headers: bearer(room.agent) });
  expectDocumented('POST /api/chat/sessions/{session}/archive/', linked);
  const { url } = jsonOf<{ url: string }>(linked);
  const followed = await send({ method: 'GET', url });
  expectDocumented('GET /media/archive/{company}/{session}', followed);
  expect((await readZip(followed.body)).map(({ name, body }) => [name, body])).toEqual(expected);
  const altered = [
    url.replace(room.session, 'another'),
    url.replace('expires=1', 'expires=2'),
    url.split('?')[0] ?? '',
  ];
  for (const bad of altered) expect((await send({ method: 'GET', url: bad })).status).toBe(403);
});

test('nobody else does', async () => {
  const { baseUrl } = server();
  const { room } = await filled();
  const path = `/api/chat/sessions/${room.session}/archive/`;
  const bound = agentToken(room.company, 'agent-1', 'another');
  for (const method of ['GET', 'POST']) {
    const status = async (token?: string) =>
      (await send({ method, url: baseUrl + path, headers: bearer(token) })).status;
    expect([await status(), await status(room.visitor), await status(bound), await status(ADMIN_TOKEN)]).toEqual([
      401, 403, 404, 401,
    ]);
  }
  // Another company's session of that name is another session.
  const strangers = await get(baseUrl, path, newChatRoom().agent);
  expect(await readZip(strangers.body)).toEqual([]);
  for (const part of ['', 'visitor/']) {
    const exported = await get(baseUrl, `${adminPath(room)}${part}export/`, room.agent);
    expect([exported.status, codeOf(exported)]).toEqual([401, 'unauthenticated']);
  }
});

test('the operator’s export has the rows besides; a visitor’s has what came from their side only', async () => {
  const { baseUrl } = server();
  const expectDocumented = createExpectDocumented(jsonOf(await get(baseUrl, '/openapi.json')));
  const { room, png } = await filled();
  await create({ baseUrl, token: room.visitor, length: 10, metadata: { filename: 'coming.png' } });
  const whole = await get(baseUrl, `${adminPath(room)}export/`, ADMIN_TOKEN);
  expectDocumented('GET /api/admin/companies/{company}/sessions/{session}/export/', whole);
  const entries = await readZip(whole.body);
  expect(entries.map(({ name }) => name)).toEqual(['photo.png', 'notes.txt', 'photo (2).png', 'manifest.json']);
  const manifest = JSON.parse(String(entries.at(-1)?.body));
  expect(manifest).toMatchObject({
    company_id: room.company,
    session_id: room.session,
    uploader: null,
    left_out: [],
    unfinished_uploads: [{ name: 'coming.png', size: 10 }],
  });
  expect(manifest.files[2]).toMatchObject({
    path: 'photo (2).png',
    name: 'photo.png',
    uploader: 'agent',
    size: png.length,
  });

  const theirs = await get(baseUrl, `${adminPath(room)}visitor/export/`, ADMIN_TOKEN);
  expectDocumented('GET /api/admin/companies/{company}/sessions/{session}/visitor/export/', theirs);
  expect((await readZip(theirs.body)).map(({ name }) => name)).toEqual(['photo.png', 'notes.txt', 'manifest.json']);
  expect((await get(baseUrl, `/api/admin/companies/a.b/sessions/c/export/`, ADMIN_TOKEN)).status).toBe(404);
});

test('hostile names: every file is in the zip, under a name that stays in the folder and is there once on any system', async () => {
  const { baseUrl } = server();
  const room = newChatRoom();
  const names = [
    '../../up.txt',
    '/etc/cron.d/x.txt',
    'C:\\up\\x.txt',
    'invoice\u202Etxt.png',
    'CON.txt',
    'a\u0000\nb.txt',
  ];
  const sameNames = ['Photo.txt', 'photo.TXT', 'PHOTO.txt', `${'n'.repeat(400)}.txt`, `${'N'.repeat(400)}.txt`, '..'];
  for (const name of [...names, ...sameNames])
    await shareFile({ baseUrl, room, name, body: name.endsWith('png') ? pngFile() : textFile(20) });
  // As a row that came by another way might say.
  const database = await server().openDatabase();
  const [row] = await database('chat_files').where({ company_id: room.company }).orderBy('id').limit(1);
  await database('chat_files').where({ id: row.id }).update({ original_name: '../../../tmp/evil\u202E.txt' });
  await database.destroy();

  const { body } = await get(baseUrl, `/api/chat/sessions/${room.session}/archive/`, room.agent);
  const entries = await readZip(body);
  expect(entries.map(({ name }) => (name.length > 100 ? `${name.slice(0, 3)}…${name.slice(-8)}` : name))).toEqual([
    'evil.txt',
    'x.txt',
    'x (2).txt',
    'invoicetxt.png',
    '_CON.txt',
    'ab.txt',
    'Photo.txt',
    'photo (2).TXT',
    'PHOTO (3).txt',
    'nnn…nnnn.txt',
    'NNN… (2).txt',
    'file',
  ]);
  expect(entries.every(({ name }) => Buffer.byteLength(name) < 255 && !/[\\/]/.test(name))).toBe(true);
});

test('the command line writes it into a file of the owner’s, and over none', async () => {
  const { room } = await filled();
  const folder = await mkdtemp(join(tmpdir(), 'chatdrop-export-'));
  const file = join(folder, 'session.zip');
  const words = ['export', 'visitor', room.company, room.session, file];
  const written = await runCommandHere(words, server().env);
  expect([written.code, written.stdout, written.stderr]).toEqual([0, `Written to ${file}\n`, '']);
  expect((await stat(file)).mode & 0o777).toBe(0o600);
  const entries = await readZip(await readFile(file));
  expect(entries.map(({ name }) => name)).toEqual(['photo.png', 'notes.txt', 'manifest.json']);
  const again = await runCommandHere(words, server().env);
  expect([again.code, again.stderr]).toEqual([1, expect.stringContaining('EEXIST')]);
  expect((await runCommandHere(['export', 'session', room.company, room.session], server().env)).code).toBe(2);
  await rm(folder, { recursive: true });
});

/** A session with two files of its visitor's and one of its agent's. */
async function filled() {
  const { baseUrl } = server();
  const room = newChatRoom();
  const png = pngFile({ bytes: 3000 });
  const text = textFile(5000);
  await shareFile({ baseUrl, room, body: png, name: 'photo.png' });
  await shareFile({ baseUrl, room, body: text, name: 'notes.txt' });
  await shareFile({ baseUrl, room, token: room.agent, body: png, name: 'photo.png' });
  return { room, png, text };
}

function adminPath({ company, session }: ChatRoom): string {
  return `/api/admin/companies/${company}/sessions/${session}/`;
}
