/** The audit: who did what to which file, when and from where; and never a token or a signature. */
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { beforeAll, describe, expect, test } from 'vitest';
import { openSqlite } from '../../server/database/open-sqlite.ts';
import { bearer, codeOf, get, listFiles, shareFile } from '../services/chat-api.ts';
import { type ChatRoom, newChatRoom } from '../services/chat-room.ts';
import { startChatdrop } from '../services/chatdrop-process.ts';
import { chatdropForSuite } from '../services/chatdrop-suite.ts';
import { createExpectDocumented, type ExpectDocumented } from '../services/documented.ts';
import { mp4File, pdfFile, pngFile } from '../services/fixtures.ts';
import { runCommandHere } from '../services/run-command.ts';
import { recordSocket } from '../services/socket-recorder.ts';
import { TEST_SECRET } from '../services/tokens.ts';
import { create, patch } from '../services/tus-wire.ts';
import { jsonOf, send } from '../services/wire.ts';

const ADMIN_TOKEN = 'the-operator-and-nobody-but-the-operator';
const PROGRAM = 'Test/1.0 (of the audit)';
const server = chatdropForSuite({ env: { ADMIN_TOKEN, TRUST_PROXY: '1' } });
const from = (address: string) => ({ 'x-forwarded-for': address, 'user-agent': PROGRAM });

type Entry = {
  id: number;
  at: string;
  company_id: string;
  session_id: string | null;
  role: string;
  subject: string | null;
  action: string;
  file_id: number | null;
  name: string | null;
  address: string | null;
  detail: Record<string, string | number>;
};
type Page = { entries: Entry[]; next_cursor: string | null };

let expectDocumented: ExpectDocumented;
beforeAll(async () => {
  expectDocumented = createExpectDocumented(jsonOf(await get(server().baseUrl, '/openapi.json')));
});

describe('what is kept', () => {
  test('an upload: who shared it, and where they began it', async () => {
    const room = newChatRoom();
    const body = pngFile();
    const { baseUrl } = server();
    const headers = { ...from('203.0.113.7') };
    const created = await create({
      baseUrl,
      token: room.visitor,
      length: body.length,
      metadata: { filename: 'a.png' },
      headers,
    });
    expect(await entriesOf(room)).toEqual([]);
    // The last byte comes from elsewhere; the upload is theirs who began it.
    await patch({ url: created.url, token: room.visitor, offset: 0, body, headers: from('198.51.100.1') });
    const [file] = (await listFiles(baseUrl, room)).files;
    const [entry] = await entriesOf(room, 'uploaded');
    expect(entry).toMatchObject({
      company_id: room.company,
      session_id: room.session,
      role: 'user',
      subject: null,
      action: 'uploaded',
      file_id: file?.id,
      name: 'a.png',
      address: '203.0.113.7',
      detail: { user_agent: PROGRAM },
    });
    expect(Math.abs(Date.parse(String(entry?.at)) - Date.now())).toBeLessThan(60_000);
  });

  test('one request, too', async () => {
    const room = newChatRoom();
    const boundary = 'x'.repeat(20);
    const part = `--${boundary}\r\nContent-Disposition: form-data; name="file"; filename="a.png"\r\n\r\n`;
    const body = Buffer.concat([Buffer.from(part), pngFile(), Buffer.from(`\r\n--${boundary}--\r\n`)]);
    const headers = {
      ...bearer(room.visitor),
      ...from('203.0.113.8'),
      'content-type': `multipart/form-data; boundary=${boundary}`,
    };
    const answer = await send({ method: 'POST', url: `${server().baseUrl}/api/chat/upload/`, headers, body });
    expect(answer.status).toBe(201);
    expect(await entriesOf(room)).toMatchObject([{ action: 'uploaded', address: '203.0.113.8', name: 'a.png' }]);
  });

  test('opening, saving and getting links: by token and by link; a video once, however many pieces', async () => {
    const { baseUrl } = server();
    const room = newChatRoom();
    const picture = await shareFile({ baseUrl, room, body: pngFile(), name: 'a.png' });
    const report = await shareFile({ baseUrl, room, body: pdfFile(), name: 'b.pdf' });
    const film = await shareFile({ baseUrl, room, body: mp4File(5000), name: 'c.mp4' });
    const place = from('203.0.113.9');
    await get(baseUrl, `/api/chat/files/${picture.id}/content`, room.agent, place);
    await get(baseUrl, `/api/chat/files/${picture.id}/content?disposition=attachment`, room.visitor, place);
    await send({ method: 'GET', url: report.url, headers: place });
    await send({ method: 'HEAD', url: report.url, headers: place });
    for (const range of ['bytes=0-', 'bytes=1000-', 'bytes=2000-2999'])
      await send({ method: 'GET', url: film.url, headers: { ...place, range } });
    const opened = await get(baseUrl, `/api/chat/files/${picture.id}/content`, room.agent, place);
    const again = { ...place, 'if-none-match': String(opened.headers.etag) };
    expect((await get(baseUrl, `/api/chat/files/${picture.id}/content`, room.agent, again)).status).toBe(304);
    await get(baseUrl, `/api/chat/files/?session_id=${room.session}`, room.agent, place);
    const entries = await entriesOf(room);
    const shown = entries
      .filter(({ address }) => address === '203.0.113.9')
      .map((entry) => shortly(entry))
      .toReversed();
    expect(shown).toEqual([
      ['agent', 'opened', picture.id],
      ['user', 'downloaded', picture.id],
      ['link', 'downloaded', report.id],
      ['link', 'opened', film.id],
      ['agent', 'opened', picture.id],
      ['agent', 'linked', null],
    ]);
    expect(entries.find(({ action, file_id }) => action === 'linked' && file_id === null)?.detail).toMatchObject({
      files: 3,
      user_agent: PROGRAM,
    });
    // What was refused opened nothing.
    await get(baseUrl, `/api/chat/files/${picture.id}/content`, newChatRoom().agent, place);
    await send({ method: 'GET', url: `${picture.url}x`, headers: place });
    expect(await entriesOf(room)).toHaveLength(entries.length);
  });

  test('removal and links that are taken back, with who did it; a connection', async () => {
    const { baseUrl } = server();
    const room = newChatRoom();
    const [one, two] = [
      await shareFile({ baseUrl, room, body: pngFile(), name: 'one.png' }),
      await shareFile({ baseUrl, room, body: pngFile(), name: 'two.png' }),
    ];
    const socket = recordSocket({
      baseUrl,
      auth: { token: room.agent, session_id: room.session },
      extraHeaders: from('203.0.113.3'),
    });
    await socket.waitForEvent('connection_established');
    socket.close();
    const remove = (path: string, token: string) =>
      send({ method: 'DELETE', url: baseUrl + path, headers: { ...bearer(token), ...from('203.0.113.4') } });
    await remove(`/api/chat/files/${one.id}/links/`, room.visitor);
    await remove(`/api/chat/files/${one.id}/`, room.visitor);
    await remove(`/api/chat/files/${one.id}/`, room.agent);
    await remove(`/api/chat/sessions/${room.session}/links/`, room.visitor);
    await remove(`/api/chat/sessions/${room.session}/links/`, room.agent);
    await remove(`/api/chat/sessions/${room.session}/`, room.agent);
    const entries = await entriesOf(room);
    const byWhom = entries
      .filter(({ address }) => address?.startsWith('203.0.113'))
      .map((entry) => [...shortly(entry), entry.name]);
    expect(byWhom.toReversed().toSorted(byAction)).toEqual(
      [
        ['agent', 'connected', null, null],
        ['user', 'links_revoked', one.id, 'one.png'],
        ['user', 'deleted', one.id, 'one.png'],
        ['agent', 'links_revoked', null, null],
        ['agent', 'session_deleted', null, null],
      ].toSorted(byAction),
    );
    expect(entries.find(({ action }) => action === 'session_deleted')).toMatchObject({
      subject: expect.stringMatching(/./),
      detail: { files: 1, unfinished: 0 },
    });
    // The file is gone, what was done to it is not.
    expect(entries.filter(({ file_id }) => file_id === two.id).map(({ action }) => action)).toContain('uploaded');
  });

  test('a policy and a key of a company: who changed which, by the API and by the command line, and no value and no key', async () => {
    const { baseUrl } = server();
    const { company } = newChatRoom();
    const secret = 'a-secret-of-this-company-that-nobody-may-read';
    const other = 'another-secret-of-this-company-for-nobody-else';
    const admin = (method: string, path: string, body?: object) =>
      send({
        method,
        url: `${baseUrl}/api/admin/companies/${company}/${path}`,
        headers: { ...bearer(ADMIN_TOKEN), ...from('203.0.113.21') },
        ...(body === undefined ? {} : { body: JSON.stringify(body) }),
      });
    const policy = { quota: 1000, jwks_url: 'https://keys.example/set?token=hidden-in-it' };
    expect((await admin('PUT', 'policy/', policy)).status).toBe(200);
    expect((await admin('PUT', 'policy/', { max_file_size: -1 })).status).toBe(400);
    expect((await admin('POST', 'keys/', { id: 'one', key: secret })).status).toBe(201);
    expect((await admin('POST', 'keys/', { id: 'one', key: other })).status).toBe(400);
    expect((await admin('DELETE', 'keys/one/')).status).toBe(204);
    expect((await admin('DELETE', 'keys/one/')).status).toBe(404);
    expect((await admin('DELETE', 'policy/')).status).toBe(204);
    const set = await runCommandHere(['company', 'set', company, 'max_file_size=5MB', 'quota=none'], environment());
    const unset = await runCommandHere(['company', 'unset', company, 'quota'], environment());
    expect([set.code, unset.code]).toEqual([0, 0]);
    const page = jsonOf<Page>(await ask(`?company_id=${company}&limit=1000`)).entries.toReversed();
    const names = (set: string, unset: string) => expect.objectContaining({ set, unset, version: expect.any(Number) });
    const key = expect.objectContaining({ key: 'one', kind: 'secret', fingerprint: expect.any(String) });
    expect(page.map(({ action, address, detail }) => [action, address, detail])).toEqual([
      ['policy_changed', '203.0.113.21', names('quota, jwks_url', '')],
      ['key_added', '203.0.113.21', key],
      ['key_removed', '203.0.113.21', expect.objectContaining({ key: 'one' })],
      ['policy_changed', '203.0.113.21', names('', 'quota, jwks_url')],
      ['policy_changed', null, names('max_file_size, quota', '')],
      ['policy_changed', null, names('', 'quota')],
    ]);
    expect(new Set(page.map(({ role, session_id }) => `${role} ${session_id}`))).toEqual(new Set(['operator null']));
    expect(JSON.stringify(page)).not.toMatch(/secret-of|hidden|keys\.example/);
  });

  test('a token that the command line signs, one that is put into the cookie, and a link to a zip; never the token', async () => {
    const { baseUrl } = server();
    const { company, session, agent } = newChatRoom();
    const minted = await runCommandHere(
      ['token', '--company', company, '--role', 'user', '--session', session, '--expires', '5m'],
      environment(),
    );
    expect([minted.code, minted.stderr]).toEqual([0, '']);
    const headers = { ...bearer(agent), ...from('203.0.113.22') };
    const cookie = await send({ method: 'POST', url: `${baseUrl}/api/auth/session/`, headers });
    const link = await send({ method: 'POST', url: `${baseUrl}/api/chat/sessions/${session}/archive/`, headers });
    expect([cookie.status, link.status]).toEqual([204, 201]);
    const page = jsonOf<Page>(await ask(`?company_id=${company}&limit=1000`)).entries;
    const byAction = new Map(page.map((entry) => [entry.action, entry]));
    expect([...byAction.keys()].sort()).toEqual(['linked', 'signed_in', 'token_minted']);
    expect(byAction.get('token_minted')).toMatchObject({
      role: 'operator',
      session_id: session,
      detail: { for: 'user', expires_seconds: 300 },
    });
    expect(byAction.get('signed_in')).toMatchObject({ role: 'agent', address: '203.0.113.22' });
    expect(byAction.get('linked')).toMatchObject({ session_id: session, detail: { archive: 'files' } });
    expect(JSON.stringify(page)).not.toMatch(/eyJ|signature=/);
  });

  test('never a token, a signature or a query', async () => {
    const { baseUrl } = server();
    const room = newChatRoom();
    const file = await shareFile({ baseUrl, room, body: pngFile(), name: 'a.png' });
    await send({ method: 'GET', url: file.url });
    await get(baseUrl, `/api/chat/files/${file.id}/content`, room.agent);
    const all = JSON.stringify(await entriesOf(room));
    expect(all).not.toContain(room.visitor.slice(0, 20));
    expect(all).not.toMatch(/signature|expires=|eyJ/);
  });
});

describe('reading it', () => {
  test('by company, session, action and time, in pages, as documented; as JSON lines', async () => {
    const { baseUrl } = server();
    const room = newChatRoom();
    for (let seed = 1; seed <= 5; seed += 1)
      await shareFile({ baseUrl, room, body: pngFile({ seed }), name: `${seed}.png` });
    await shareFile({ baseUrl, room: newChatRoom(room.company), body: pngFile(), name: 'other.png' });
    const ofRoom = `company_id=${room.company}&session_id=${room.session}`;
    const names: (string | null)[] = [];
    let cursor = '';
    for (let page = 0; page < 3; page += 1) {
      const answer = await ask(`?${ofRoom}&action=uploaded&limit=2${cursor}`);
      expectDocumented('GET /api/admin/audit/', answer);
      const { entries, next_cursor } = jsonOf<Page>(answer);
      names.push(...entries.map(({ name }) => name));
      expect(next_cursor === null).toBe(page === 2);
      cursor = `&cursor=${next_cursor}`;
    }
    expect(names).toEqual(['5.png', '4.png', '3.png', '2.png', '1.png']);
    const now = Date.now();
    const at = (ms: number) => encodeURIComponent(new Date(ms).toISOString());
    expect(jsonOf<Page>(await ask(`?${ofRoom}&since=${at(now + 60_000)}`)).entries).toEqual([]);
    expect(jsonOf<Page>(await ask(`?${ofRoom}&until=${at(now - 600_000)}`)).entries).toEqual([]);
    expect(jsonOf<Page>(await ask(`?company_id=${room.company}&action=uploaded`)).entries).toHaveLength(6);

    const exported = await ask(`?${ofRoom}&action=uploaded&format=jsonl`);
    expect([exported.headers['content-type'], exported.headers['content-disposition']]).toEqual([
      'application/x-ndjson',
      'attachment; filename="audit.jsonl"',
    ]);
    const lines = exported.body.toString().trim().split('\n');
    expect(lines.map((line) => JSON.parse(line).name)).toEqual(names.toReversed());

    const command = await runCommandHere(
      ['audit', '--company', room.company, '--session', room.session, '--action', 'uploaded', '--json'],
      environment(),
    );
    expect([
      command.code,
      command.stdout
        .trim()
        .split('\n')
        .map((line) => JSON.parse(line).name),
    ]).toEqual([0, names]);
    const table = await runCommandHere(['audit', '--company', room.company, '--limit', '2'], environment());
    expect(table.stdout.split('\n')[0]).toMatch(/^AT +COMPANY +SESSION +WHO +ACTION/);
    expect(table.stderr).toContain('There are more.');
  });

  test('what is no filter is refused; only the operator reads it', async () => {
    for (const query of ['action=nothing', 'since=yesterday', 'limit=0', 'cursor=x', 'company_id=..', 'format=xml'])
      expect([query, (await ask(`?${query}`)).status]).toEqual([query, 400]);
    const { agent } = newChatRoom();
    for (const token of [undefined, agent])
      expect((await get(server().baseUrl, '/api/admin/audit/', token)).status).toBe(401);
    for (const flag of [
      ['--action', 'nothing'],
      ['--since', 'yesterday'],
      ['--company', '..'],
    ])
      expect((await runCommandHere(['audit', ...flag], environment())).code).toBe(2);
  });
});

test('a shutdown writes what waits; entries go after AUDIT_RETENTION', async () => {
  const room = newChatRoom();
  const dataDir = await mkdtemp(join(tmpdir(), 'chatdrop-audit-'));
  const env = { ADMIN_TOKEN, AUDIT_RETENTION: '1d' };
  try {
    const first = await startChatdrop({ env, dataDir });
    const file = await shareFile({ baseUrl: first.baseUrl, room, body: pngFile(), name: 'a.png' });
    await send({ method: 'GET', url: file.url });
    await first.stop();
    const database = openSqlite(join(dataDir, 'chatdrop.sqlite'));
    const actions = () => database('audit_entries').orderBy('id').pluck('action');
    expect(await actions()).toEqual(['uploaded', 'linked', 'opened']);
    // Written anew as an old one: no entry can be changed.
    const linked = database('audit_entries').where({ action: 'linked' });
    const entry = await linked.clone().first();
    await linked.delete();
    await database('audit_entries').insert({ ...entry, at: Date.now() - 25 * 3_600_000 });
    const swept = await runCommandHere(['sweep'], { ...env, DATA_DIR: dataDir, JWT_SECRET: TEST_SECRET });
    expect([swept.code, await actions()]).toEqual([0, ['uploaded', 'opened']]);
    await database.destroy();
  } finally {
    await rm(dataDir, { recursive: true });
  }
});

function environment(): Record<string, string> {
  return { DATA_DIR: server().dataDir, JWT_SECRET: TEST_SECRET };
}

async function ask(query: string) {
  return await get(server().baseUrl, `/api/admin/audit/${query}`, ADMIN_TOKEN);
}

/** The newest first; waits for none. */
async function entriesOf(room: ChatRoom, action?: string): Promise<Entry[]> {
  const filter = `?company_id=${room.company}&session_id=${room.session}${action === undefined ? '' : `&action=${action}`}`;
  const answer = await ask(`${filter}&limit=1000`);
  expect([answer.status, codeOf(answer)]).toEqual([200, '']);
  return jsonOf<Page>(answer).entries;
}

function shortly({ role, action, file_id }: Entry): [string, string, number | null] {
  return [role, action, file_id];
}

function byAction(a: unknown[], b: unknown[]): number {
  return `${a[1]}${a[0]}`.localeCompare(`${b[1]}${b[0]}`);
}
