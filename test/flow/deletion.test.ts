/** Deletion that deletes: files, sessions, visitors, companies and what is too old, each with a receipt that says when nothing is left. */
import { mkdir, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { afterEach, describe, expect, test } from 'vitest';
import { newStorageKey, newUploadId } from '../../server/rules/upload-id.ts';
import { variantEntry } from '../services/built-server.ts';
import { bearer, get, listFiles, listUploads, shareFile, storedFiles, unfinishedBytes } from '../services/chat-api.ts';
import { type ChatRoom, newChatRoom } from '../services/chat-room.ts';
import { type Chatdrop, startChatdrop } from '../services/chatdrop-process.ts';
import { chatdropForSuite } from '../services/chatdrop-suite.ts';
import { DELETION_CRASH_POINTS } from '../services/crash-points.ts';
import { createExpectDocumented } from '../services/documented.ts';
import { eventually } from '../services/eventually.ts';
import { pngFile } from '../services/fixtures.ts';
import { runCommandHere } from '../services/run-command.ts';
import { recordSocket } from '../services/socket-recorder.ts';
import { insertFile } from '../services/test-database.ts';
import { create, head, patch } from '../services/tus-wire.ts';
import { jsonOf, send, type WireAnswer } from '../services/wire.ts';

const ADMIN_TOKEN = 'the-operator-and-nobody-but-the-operator';
const DAY_MS = 24 * 60 * 60 * 1000;
const GENEROUS_MS = 60_000;
const server = chatdropForSuite({ env: { ADMIN_TOKEN, RETENTION: '30d' } });

// biome-ignore lint/suspicious/noExplicitAny: tests look into receipts freely
type Receipt = any;

describe('a file', () => {
  test('goes with its row, bytes, thumbnail and what its upload said, and leaves a receipt', async () => {
    const room = newChatRoom();
    const { file, thumbnail } = await shareWithThumbnail(room);
    expect(await storedOf(room)).toHaveLength(2);
    expect((await call('DELETE', `/api/chat/files/${file.id}/`, room.agent)).status).toBe(204);
    expect(await storedOf(room)).toEqual([]);
    const [receipt] = await receiptsOf(room);
    expect(receipt).toMatchObject({
      kind: 'file',
      session_id: room.session,
      file_id: file.id,
      requested_by: { role: 'agent' },
      files: 1,
      bytes: file.size,
      uploads: 0,
      objects_left: 0,
      last_error: null,
    });
    expect(receipt.completed_at).not.toBeNull();
    await inDatabase(async (database) => {
      expect(await database('removed_objects').whereIn('storage_key', [thumbnail])).toEqual([]);
      expect(await database('uploads').where({ company_id: room.company })).toMatchObject([
        { state: 'finished', name: '', metadata: null, file_key: null, subject: null },
      ]);
      expect(await database('user_profiles').where({ company_id: room.company })).toEqual([]);
    });
  });

  test('that a visitor removes is on a receipt with their role; one that is gone has none more', async () => {
    const room = newChatRoom();
    const file = await share(room);
    expect((await call('DELETE', `/api/chat/files/${file.id}/`, room.visitor)).status).toBe(204);
    expect((await call('DELETE', `/api/chat/files/${file.id}/`, room.visitor)).status).toBe(404);
    expect(await receiptsOf(room)).toMatchObject([{ requested_by: { role: 'user' }, files: 1 }]);
  });

  test('that is removed by the command line, too', async () => {
    const room = newChatRoom();
    const file = await share(room);
    const gone = await runCommandHere(['files', 'remove', String(file.id)], server().env);
    expect([gone.code, gone.stdout]).toEqual([0, `removed ${file.id}\n`]);
    expect(await receiptsOf(room)).toMatchObject([{ requested_by: { role: 'cli', subject: null }, files: 1 }]);
  });
});

describe('a visitor', () => {
  test('everything that came from their side goes; what the agent sent stays', async () => {
    const room = newChatRoom();
    await shareWithThumbnail(room);
    const kept = await share(room, room.agent);
    const unfinished = await begin(room);
    const agents = await begin(room, room.agent);
    const socket = recordSocket({ baseUrl: server().baseUrl, auth: { token: room.agent, session_id: room.session } });
    await socket.waitForEvent('connection_established');
    const answer = await call('DELETE', `${pathOf(room)}visitor/`, ADMIN_TOKEN);
    expect(answer.status).toBe(202);
    expect((await socket.waitForEvent('file_removed')).payload).toMatchObject({ reason: 'deleted' });
    socket.close();
    const receipt = await complete(answer);
    expect(receipt).toMatchObject({ kind: 'visitor', files: 1, uploads: 1, requested_by: { role: 'admin' } });
    expect((await listFiles(server().baseUrl, room)).files.map(({ id }) => id)).toEqual([kept.id]);
    expect((await head(unfinished, room.visitor)).status).toBe(410);
    expect((await head(agents, room.agent)).status).toBe(200);
    // The agent's file, and the agent's unfinished upload.
    expect(await storedOf(room)).toHaveLength(2);
    await inDatabase(async (database) => {
      const rows = await database('uploads').where({ company_id: room.company, uploader: 'user' });
      expect(rows.map(({ name, metadata }) => [name, metadata])).toEqual([
        ['', null],
        ['', null],
      ]);
    });
    expect((await call('DELETE', `${pathOf(room)}visitor/`, ADMIN_TOKEN)).status).toBe(404);
    await runCommandHere(['delete', 'session', room.company, room.session, '--yes'], server().env);
  });
});

describe('a session', () => {
  test('by its agent: gone with the answer, with a receipt of what it was', async () => {
    const room = newChatRoom();
    const { file } = await shareWithThumbnail(room);
    await share(room, room.agent);
    await begin(room);
    const other = await share(sibling(room));
    expect((await call('DELETE', `/api/chat/sessions/${room.session}/`, room.agent)).status).toBe(204);
    expect((await listFiles(server().baseUrl, room)).count).toBe(0);
    expect(await listUploads(server().baseUrl, room)).toEqual([]);
    const [receipt] = await receiptsOf(room);
    expect(receipt).toMatchObject({ kind: 'session', files: 2, bytes: file.size * 2, uploads: 1, objects_left: 0 });
    expect(receipt.completed_at).not.toBeNull();
    // Of the other session.
    expect(await storedOf(room)).toHaveLength(1);
    expect((await get(server().baseUrl, `/api/chat/files/${other.id}/`, room.agent)).status).toBe(200);
    expect((await call('DELETE', `/api/chat/sessions/${room.session}/`, room.agent)).status).toBe(404);
    await inDatabase(async (database) => {
      const here = { company_id: room.company, session_id: room.session };
      expect(await database('chat_sessions').where(here)).toEqual([]);
      expect((await database('uploads').where(here)).every(({ name }) => name === '')).toBe(true);
    });
  });

  test('by the command line: first it says what would go, then it goes', async () => {
    const room = newChatRoom();
    await share(room);
    await begin(room);
    const words = ['delete', 'session', room.company, room.session];
    const preview = await runCommandHere(words, server().env);
    expect([preview.code, preview.stdout]).toEqual([
      1,
      expect.stringMatching(
        /^1 files \(\d+ bytes\) and 1 unfinished uploads .* would be deleted\. Nothing was changed/,
      ),
    ]);
    expect((await listFiles(server().baseUrl, room)).count).toBe(1);
    const gone = await runCommandHere([...words, '--yes'], server().env);
    expect([gone.code, gone.stderr]).toEqual([0, '']);
    expect(gone.stdout).toMatch(/Deletion \d+: 1 files \(\d+ bytes\), 1 uploads\. Nothing is left\.\n$/);
    expect(await storedOf(room)).toEqual([]);
    expect((await runCommandHere([...words, '--yes'], server().env)).code).toBe(1);
    const listed = await runCommandHere(['deletions', '--company', room.company, '--json'], server().env);
    expect([listed.code, JSON.parse(listed.stdout)]).toEqual([0, (await receiptsOf(room))[0]]);
    expect((await runCommandHere(['deletions', '--company', room.company], server().env)).stdout).toContain(' cli ');
  });

  test.each([[['company']], [['company', 'a', 'b']], [['session', 'a']], [['visitor', 'a', 'b/c']], [['agent', 'a']]])(
    'delete %s is no usage',
    async (words) => {
      expect((await runCommandHere(['delete', ...words], server().env)).code).toBe(2);
    },
  );
});

/** A policy, a key, and a find of the scanner. Its tokens go on: the server's keys count too. */
async function giveOwn(company: string): Promise<void> {
  const { env } = server();
  const words = ['uploads_per_minute=1000', 'server_keys=yes'];
  expect((await runCommandHere(['company', 'set', company, ...words], env)).code).toBe(0);
  await inDatabase(async (database) => {
    const common = { company_id: company, created_at: 1 };
    const key = { ...common, key_id: 'k', kind: 'secret', material: 'x'.repeat(40), fingerprint: company };
    await database('company_keys').insert(key);
    const found = { company_id: company, session_id: 's', uploader: 'user', name: 'bad.pdf', found_at: 1 };
    const bytes = { upload_id: newUploadId(), sha256: 'a'.repeat(64), size: 1, signature: 'Eicar' };
    await database('infections').insert({ ...found, ...bytes });
  });
}

describe('a company', () => {
  test('everything that knows it goes; what arrives after the request stays, and so do others', async () => {
    const room = newChatRoom();
    const second = sibling(room);
    const stranger = newChatRoom();
    await shareWithThumbnail(room);
    await share(second, second.agent);
    const unfinished = await begin(second);
    await share(stranger);
    for (const { company } of [room, stranger]) await giveOwn(company);
    const answer = await call('DELETE', `/api/admin/companies/${room.company}/`, ADMIN_TOKEN);
    expect([answer.status, answer.headers.location]).toEqual([202, expect.stringMatching(/deletions\/\d+\/$/)]);
    const late = await share({ ...room, session: 'after-it' }, room.agent);
    expect(await complete(answer)).toMatchObject({ kind: 'company', session_id: null, files: 2, uploads: 1 });
    expect((await head(unfinished, second.visitor)).status).toBe(404);
    expect(await storedOf(room)).toHaveLength(1);
    expect(await storedOf(stranger)).toHaveLength(1);
    await inDatabase(async (database) => {
      const ofCompany = (table: string) => database(table).where({ company_id: room.company });
      expect((await ofCompany('chat_files')).map(({ id }) => id)).toEqual([late.id]);
      expect((await ofCompany('chat_sessions')).map(({ session_id }) => session_id)).toEqual(['after-it']);
      // The file that stays is small: its own row is all that is left of its upload.
      expect(await ofCompany('uploads')).toEqual([]);
      for (const table of ['company_keys', 'infections'])
        for (const { company } of [room, stranger])
          expect([table, await database(table).where({ company_id: company })]).toEqual([
            table,
            company === room.company ? [] : [expect.anything()],
          ]);
      expect(await ofCompany('company_policies')).toMatchObject([{ policy: '{}' }]);
      expect(await database('company_policies').where({ company_id: stranger.company })).toMatchObject([
        { policy: expect.stringContaining('uploads_per_minute') },
      ]);
    });
    const verified = await runCommandHere(['files', 'verify'], server().env);
    expect([verified.code, verified.stdout]).toEqual([0, expect.stringContaining('all is well')]);
    const again = await runCommandHere(['delete', 'company', room.company, '--yes'], server().env);
    expect(again.code).toBe(0);
    await inDatabase(async (database) => {
      for (const table of ['chat_files', 'chat_sessions', 'uploads', 'user_profiles', 'company_usage', 'company_days'])
        expect([table, await database(table).where({ company_id: room.company })]).toEqual([table, []]);
    });
    expect((await call('DELETE', `/api/admin/companies/${room.company}/`, ADMIN_TOKEN)).status).toBe(404);
  });

  test('the routes are for the operator, and answer as documented', async () => {
    const { baseUrl } = server();
    const expectDocumented = createExpectDocumented(jsonOf(await get(baseUrl, '/openapi.json')));
    const room = newChatRoom();
    await share(room);
    await begin(room);
    const routes = [
      ['DELETE', 'DELETE /api/admin/companies/{company}/sessions/{session}/visitor/', `${pathOf(room)}visitor/`],
      ['DELETE', 'DELETE /api/admin/companies/{company}/sessions/{session}/', pathOf(room)],
      ['DELETE', 'DELETE /api/admin/companies/{company}/', `/api/admin/companies/${room.company}/`],
      ['GET', 'GET /api/admin/deletions/', '/api/admin/deletions/?limit=2'],
      ['GET', 'GET /api/admin/deletions/{id}/', '/api/admin/deletions/1/'],
    ] as const;
    for (const [verb, route, path] of routes) {
      for (const token of [undefined, room.agent, room.visitor]) {
        const refused = await call(verb, path, token);
        expect([route, refused.status]).toEqual([route, 401]);
      }
      const answer = await call(verb, path, ADMIN_TOKEN);
      expect([200, 202]).toContain(answer.status);
      expectDocumented(route, answer);
      if (verb === 'DELETE') await complete(answer);
      if (verb === 'DELETE') await share(room);
    }
    for (const path of [
      'companies/nobody/',
      'companies/a.b/',
      'companies/c/sessions/s/',
      'companies/c/sessions/s/visitor/',
    ])
      expect((await call('DELETE', `/api/admin/${path}`, ADMIN_TOKEN)).status).toBe(404);
    expect((await get(baseUrl, '/api/admin/deletions/99999999/', ADMIN_TOKEN)).status).toBe(404);
    expect((await get(baseUrl, '/api/admin/deletions/?limit=0', ADMIN_TOKEN)).status).toBe(400);
  });
});

describe('retention', () => {
  test('a dry run counts and changes nothing; then what is too old goes, and nothing else', async () => {
    const room = newChatRoom();
    const old = await share(room);
    const agents = await share(room, room.agent);
    const young = await share(room);
    await inDatabase(async (database) => {
      await database('chat_files')
        .whereIn('id', [old.id, agents.id])
        .update({ created_at: Date.now() - 31 * DAY_MS });
      await database('chat_files')
        .where({ id: young.id })
        .update({ created_at: Date.now() - 29 * DAY_MS });
    });
    const socket = recordSocket({ baseUrl: server().baseUrl, auth: { token: room.agent, session_id: room.session } });
    await socket.waitForEvent('connection_established');
    const dry = await runCommandHere(['retention', '--dry-run', '--json'], server().env);
    expect([dry.code, JSON.parse(dry.stdout)]).toEqual([
      0,
      { files: 2, bytes: old.size * 2, companies: [{ company_id: room.company, files: 2, bytes: old.size * 2 }] },
    ]);
    expect((await runCommandHere(['retention', '--dry-run'], server().env)).stdout).toContain(room.company);
    expect((await listFiles(server().baseUrl, room)).count).toBe(3);
    expect(await receiptsOf(room)).toEqual([]);
    const run = await runCommandHere(['retention'], server().env);
    expect([run.code, run.stdout]).toEqual([0, '2 files removed.\n']);
    expect((await listFiles(server().baseUrl, room)).files.map(({ id }) => id)).toEqual([young.id]);
    await socket.waitFor(({ name, payload }) => name === 'file_removed' && payload.id === agents.id);
    socket.close();
    expect(socket.payloads('file_removed')).toMatchObject([
      { id: old.id, reason: 'retention' },
      { id: agents.id, reason: 'retention' },
    ]);
    const [receipt] = await receiptsOf(room);
    expect(receipt.completed_at).not.toBeNull();
    expect(receipt).toMatchObject({ kind: 'retention', requested_by: { role: 'retention' }, files: 2 });
    expect(await storedOf(room)).toHaveLength(1);
    expect((await runCommandHere(['retention'], server().env)).stdout).toBe('0 files removed.\n');
  });
});

describe('a company of a thousand files, and the server killed', () => {
  const FILES = 1000;
  const STORED = 5;
  let running: Chatdrop | undefined;
  afterEach(async () => {
    await running?.stop();
  });

  test.each(DELETION_CRASH_POINTS)('%s', async (point) => {
    const started = await startChatdrop({
      entry: variantEntry('crashing-server'),
      env: { ADMIN_TOKEN, CRASH_AT: point },
    });
    running = started;
    const company = 'large';
    const keys = Array.from({ length: FILES }, (_, at) => newStorageKey(company, `session-${at % 7}`, '.png'));
    const database = await started.openDatabase();
    for (const [at, storageKey] of keys.entries()) if (at < STORED) await putObject(started, storageKey);
    const first = await insertFile(database, { company, session: 'session-0', storageKey: keys[0] as string, seq: 1 });
    const { id: _, ...row } = await database('chat_files').where({ id: first }).first();
    await database.batchInsert(
      'chat_files',
      keys.slice(1).map((storage_key, at) => ({
        ...row,
        storage_key,
        upload_id: newUploadId(),
        session_id: `session-${(at + 1) % 7}`,
        seq: at + 2,
      })),
      50,
    );
    await database.destroy();
    const answer = await send({
      method: 'DELETE',
      url: `${started.baseUrl}/api/admin/companies/${company}/`,
      headers: bearer(ADMIN_TOKEN),
    });
    expect(answer.status).toBe(202);
    await eventually(
      'the process is gone',
      async () => (await get(started.baseUrl, '/healthz').catch(() => null)) === null,
      GENEROUS_MS,
    );
    await started.restart();
    const receipt = await complete(answer, started);
    expect(receipt).toMatchObject({ files: FILES, bytes: FILES * 10, objects_left: 0 });
    expect(await storedFiles(started.dataDir)).toEqual([]);
    const left = await started.openDatabase();
    const entries = await left('ledger').where({ company_id: company, type: 'file_removed' }).orderBy('seq');
    expect([entries.length, new Set(entries.map(({ file_id }) => file_id)).size]).toEqual([FILES, FILES]);
    for (const table of ['chat_files', 'chat_sessions', 'removed_objects']) expect(await left(table)).toEqual([]);
    await left.destroy();
  });
});

async function call(method: string, path: string, token?: string): Promise<WireAnswer> {
  return send({ method, url: server().baseUrl + path, headers: bearer(token) });
}

function pathOf({ company, session }: ChatRoom): string {
  return `/api/admin/companies/${company}/sessions/${session}/`;
}

function sibling(room: ChatRoom): ChatRoom {
  return newChatRoom(room.company);
}

function share(room: ChatRoom, token = room.visitor) {
  return shareFile({ baseUrl: server().baseUrl, room, token, body: pngFile(), name: 'photo.png' });
}

/** With a thumbnail beside it, as a row and its bytes. */
async function shareWithThumbnail(room: ChatRoom) {
  const file = await share(room);
  const thumbnail = newStorageKey(room.company, room.session, '.webp');
  await putObject(server(), thumbnail);
  await inDatabase((database) => database('chat_files').where({ id: file.id }).update({ thumbnail }));
  return { file, thumbnail };
}

async function putObject({ dataDir }: Chatdrop, key: string): Promise<void> {
  const path = join(dataDir, 'media', key);
  await mkdir(dirname(path), { recursive: true });
  await writeFile(path, 'ten bytes.');
}

/** An upload that stands in its middle. */
async function begin(room: ChatRoom, token = room.visitor): Promise<string> {
  const body = pngFile({ bytes: 3000 });
  const metadata = { filename: 'secret name.png', session_id: room.session };
  const { url } = await create({ baseUrl: server().baseUrl, token, length: body.length, metadata });
  await patch({ url, token, offset: 0, body: body.subarray(0, 1000) }).catch(() => undefined);
  expect(await unfinishedBytes(server().dataDir)).toContain(url.split('/').at(-1));
  return url;
}

/** Of a room: shared files, thumbnails and unfinished uploads. */
async function storedOf({ company, session }: ChatRoom): Promise<string[]> {
  const stored = await storedFiles(server().dataDir);
  const unfinished = await inDatabase((database) =>
    database('uploads').where({ company_id: company, session_id: session }).pluck('id'),
  );
  return stored.filter((path) => path.includes(`/${company}/`) || unfinished.some((id) => path.endsWith(`/${id}`)));
}

async function receiptsOf({ company }: ChatRoom): Promise<Receipt[]> {
  const answer = await get(server().baseUrl, `/api/admin/deletions/?company_id=${company}`, ADMIN_TOKEN);
  return jsonOf<{ deletions: Receipt[] }>(answer).deletions;
}

async function complete(accepted: WireAnswer, at = server()): Promise<Receipt> {
  return eventually(
    'the receipt is complete',
    async () => {
      const receipt: Receipt = jsonOf(await get(at.baseUrl, String(accepted.headers.location), ADMIN_TOKEN));
      return receipt.completed_at !== null && receipt;
    },
    GENEROUS_MS,
  );
}

async function inDatabase<T>(
  work: (database: Awaited<ReturnType<Chatdrop['openDatabase']>>) => Promise<T>,
): Promise<T> {
  const database = await server().openDatabase();
  try {
    return await work(database);
  } finally {
    await database.destroy();
  }
}
