/** The operator's commands over a real data folder, beside a running server and without one. */
import { createHash } from 'node:crypto';
import { appendFile, mkdir, mkdtemp, readFile, rm, truncate, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { Database } from '../../server/database/open-database.ts';
import { openSqlite } from '../../server/database/open-sqlite.ts';
import { newStorageKey } from '../../server/rules/upload-id.ts';
import { get, listFiles, shareFile, storedFiles } from '../services/chat-api.ts';
import { newChatRoom } from '../services/chat-room.ts';
import { type Chatdrop, startChatdrop } from '../services/chatdrop-process.ts';
import { chatdropForSuite } from '../services/chatdrop-suite.ts';
import { pngFile } from '../services/fixtures.ts';
import { freePort } from '../services/free-port.ts';
import { runCommandHere } from '../services/run-command.ts';
import { recordSocket } from '../services/socket-recorder.ts';
import { TEST_SECRET } from '../services/tokens.ts';
import { create, head, patch } from '../services/tus-wire.ts';

let folder = '';
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'chatdrop-operate-'));
});
afterAll(() => rm(folder, { recursive: true }));

describe('beside a running server', () => {
  const server = chatdropForSuite();
  const run = (...args: string[]) => runCommandHere(args, environmentOf(server()));

  test('files list shows what is shared; pages; a name cannot steer the terminal', async () => {
    const room = newChatRoom();
    const { baseUrl } = server();
    const first = await shareFile({ baseUrl, room, body: pngFile(), name: 'one.png' });
    const second = await shareFile({ baseUrl, room, body: pngFile(), name: 'two.png' });
    const evil = { original_name: 'evil \u202Egnp.png' };
    await inDatabase(server(), (database) => database('chat_files').where({ id: second.id }).update(evil));
    const all = await run('files', 'list', '--company', room.company, '--json');
    const lines = all.stdout.trim().split('\n');
    expect([all.code, all.stderr, lines.map((line) => JSON.parse(line).id)]).toEqual([0, '', [first.id, second.id]]);
    expect(JSON.parse(lines[0] ?? '')).toMatchObject({ company_id: room.company, name: 'one.png', size: first.size });
    const page = await run('files', 'list', '--session', room.session, '--limit', '1');
    expect([page.code, page.stderr]).toEqual([0, `There are more. Go on with: --after ${first.id}\n`]);
    const rest = await run('files', 'list', '--session', room.session, '--after', String(first.id));
    expect(rest.stdout).toContain('evil \\u{202e}gnp.png');
    expect(rest.stdout).not.toContain('one.png');
  });

  test('files remove takes row, bytes and links away, and everybody in the chat hears of it', async () => {
    const room = newChatRoom();
    const { baseUrl, dataDir } = server();
    const file = await shareFile({ baseUrl, room, body: pngFile(), name: 'gone.png' });
    const socket = recordSocket({ baseUrl, auth: { token: room.visitor } });
    await socket.waitForEvent('connection_established');
    const removed = await run('files', 'remove', String(file.id), '999999999');
    expect(removed).toEqual({
      code: 1,
      stdout: `removed ${file.id}\n`,
      stderr: 'There is no file 999999999.\n',
    });
    const { payload } = await socket.waitForEvent('file_removed');
    expect(payload).toMatchObject({ id: file.id, session_id: room.session, reason: 'deleted', seq: file.seq + 1 });
    socket.close();
    expect((await listFiles(baseUrl, room)).files).toEqual([]);
    expect((await storedFiles(dataDir)).filter((path) => path.includes(`/${room.session}/`))).toEqual([]);
    expect((await run('files', 'remove', String(file.id))).code).toBe(1);
  });

  test('sweep leaves it to the server, and says so', async () => {
    const { code, stdout } = await run('sweep');
    expect([code, stdout]).toEqual([0, expect.stringContaining('it sweeps by itself. Nothing was done.')]);
  });

  test('doctor finds all well, and prints no secret; as JSON too', async () => {
    await shareFile({ baseUrl: server().baseUrl, room: newChatRoom(), body: pngFile() });
    const { code, stdout } = await run('doctor');
    expect([code, stdout.includes('✗')]).toEqual([0, false]);
    for (const word of ['a server has it open', 'synchronous=2, journal_mode=wal', 'up to date', 'answers: ready'])
      expect(stdout).toContain(word);
    expect(stdout).toContain('a probe of 65536 bytes was written, synced, read and deleted');
    const json = JSON.parse((await run('doctor', '--json')).stdout);
    expect(json).toMatchObject({
      ok: true,
      checks: expect.arrayContaining([{ name: 'node', ok: true, detail: expect.any(String) }]),
    });
    for (const secret of [TEST_SECRET, await linkSecret(server())]) {
      expect(secret.length).toBeGreaterThan(20);
      expect(stdout + JSON.stringify(json)).not.toContain(secret);
    }
    expect((await storedFiles(server().dataDir)).filter((path) => path.includes('doctor'))).toEqual([]);
  });

  test('doctor asked with another PORT or another DATA_DIR says what does not fit', async () => {
    const env = environmentOf(server());
    const elsewhere = await runCommandHere(['doctor'], { ...env, PORT: String(await freePort()) });
    expect([elsewhere.code, elsewhere.stdout]).toEqual([
      1,
      expect.stringMatching(/✗ server: one holds .* does not answer/),
    ]);
    const other = await runCommandHere(['doctor'], { ...env, DATA_DIR: join(folder, 'not-yet') });
    expect([other.code, other.stdout]).toEqual([1, expect.stringMatching(/✗ server: another program answers/)]);
  });
});

describe('files verify', () => {
  const server = chatdropForSuite();
  const run = (...args: string[]) => runCommandHere(args, environmentOf(server()));

  test('finds nothing where nothing is wrong; --deep notes every sha256', async () => {
    const room = newChatRoom();
    const { baseUrl } = server();
    const body = pngFile();
    const file = await shareFile({ baseUrl, room, body });
    await shareFile({ baseUrl, room, body: Buffer.alloc(0), name: 'empty.txt' });
    const shallow = await run('files', 'verify');
    expect([shallow.code, shallow.stdout]).toEqual([
      0,
      '2 files and 2 objects looked at, 0 read (0 MiB): all is well.\n',
    ]);
    expect((await listFiles(baseUrl, room)).files.map(({ sha256 }) => sha256)).toEqual([null, null]);
    const deep = await run('files', 'verify', '--deep');
    expect([deep.code, deep.stdout]).toEqual([0, expect.stringContaining('2 read')]);
    const after = await get(baseUrl, `/api/chat/files/${file.id}/`, room.visitor);
    expect(JSON.parse(after.body.toString()).sha256).toBe(sha256(body));
    expect((await run('files', 'verify')).stdout).toContain('2 read (0 MiB): all is well');
  });

  test('finds missing, shortened, changed and orphaned bytes; --repair mends what can be', async () => {
    const room = newChatRoom();
    const { baseUrl, dataDir } = server();
    const [missing, short, changed, whole] = [await share(), await share(), await share(), await share()];
    await run('files', 'verify', '--deep');
    const orphan = join(dataDir, 'media', newStorageKey(room.company, room.session, '.png'));
    await mkdir(dirname(orphan), { recursive: true });
    await writeFile(orphan, 'nobody knows me');
    await writeFile(join(dataDir, 'media/chat/notes.txt'), 'not a key of ours');
    await rm(missing.path);
    await truncate(short.path, 10);
    const bytes = await readFile(changed.path);
    bytes[bytes.length - 1] = (bytes.at(-1) ?? 0) ^ 1;
    await writeFile(changed.path, bytes);
    const found = await run('files', 'verify');
    expect(found.code).toBe(1);
    expect(faultsOf(found.stdout)).toEqual([
      `missing ${missing.id}`,
      `wrong-size ${short.id}`,
      `wrong-sha256 ${changed.id}`,
      'orphan',
    ]);
    const socket = recordSocket({ baseUrl, auth: { token: room.visitor } });
    await socket.waitForEvent('connection_established');
    const repaired = await run('files', 'verify', '--repair');
    expect([repaired.code, repaired.stdout]).toEqual([1, expect.stringContaining('2 repaired, 2 left.')]);
    expect((await socket.waitForEvent('file_removed')).payload.id).toBe(missing.id);
    socket.close();
    expect(faultsOf((await run('files', 'verify')).stdout)).toEqual([
      `wrong-size ${short.id}`,
      `wrong-sha256 ${changed.id}`,
    ]);
    expect((await listFiles(baseUrl, room)).files.map(({ id }) => id)).toEqual([short.id, changed.id, whole.id]);
    expect(await storedFiles(dataDir)).not.toContain(orphan);
    expect(await storedFiles(dataDir)).toContain(join(dataDir, 'media/chat/notes.txt'));

    async function share() {
      const { id } = await shareFile({ baseUrl, room, body: pngFile(), name: 'photo.png' });
      const path = await inDatabase(server(), (database) => database('chat_files').where({ id }).first('storage_key'));
      return { id, path: join(dataDir, 'media', path.storage_key) };
    }
  });
});

describe('without a server', () => {
  test('sweep expires, finishes and deletes, says how much, and then has nothing to do', async () => {
    const { server, env } = await stopped(async ({ baseUrl, dataDir }) => {
      const room = newChatRoom();
      const { url } = await create({ baseUrl, token: room.visitor, length: 1000 });
      await patch({ url, token: room.visitor, offset: 0, body: pngFile().subarray(0, 40) });
      await writeFile(join(dataDir, 'media/.incoming/AAAAAAAAAAAAAAAAAAAAAA'), 'nobody knows me');
      return { room, url };
    });
    await inDatabase(server, async (database) => {
      await database('uploads').update({ expires_at: 1_000_000 });
      await database('removed_objects').insert({ storage_key: newStorageKey('c', 's', '') });
    });
    const swept = await runCommandHere(['sweep'], env);
    expect([swept.code, swept.stderr]).toEqual([0, '']);
    // Its row is more than a week past its time, so it is forgotten at once.
    expect(swept.stdout).toBe(
      '0 complete uploads finished, 1 expired, 1 orphaned uploads’ bytes deleted, 0 files too old, 1 removed objects deleted, 1 old rows forgotten.\n',
    );
    expect(await storedFiles(server.dataDir)).toEqual([]);
    expect((await runCommandHere(['sweep'], env)).stdout).toMatch(
      /^0 .* 0 expired, 0 .* 0 .* 0 .* 0 old rows forgotten\.\n$/,
    );
  });

  test('sweep finishes what is complete, however late', async () => {
    const { server, env, before } = await stopped(
      async ({ baseUrl }) => {
        const room = newChatRoom();
        const body = pngFile();
        const { url } = await create({ baseUrl, token: room.visitor, length: body.length });
        await patch({ url, token: room.visitor, offset: 0, body: body.subarray(0, -4) });
        return { room, url, body };
      },
      (dataDir, { url, body }) =>
        appendFile(join(dataDir, 'media/.incoming', url.split('/').at(-1) ?? ''), body.subarray(-4)),
    );
    await inDatabase(server, (database) => database('uploads').update({ expires_at: 1_000_000 }));
    expect((await runCommandHere(['sweep'], env)).stdout).toContain('1 complete uploads finished, 0 expired');
    await server.restart();
    expect((await listFiles(server.baseUrl, before.room)).count).toBe(1);
    expect((await head(before.url, before.room.visitor)).headers['chat-file-id']).toBeDefined();
    await server.stop();
  });

  test('jobs lists what is owed, with attempts and faults', async () => {
    const { server, env } = await stopped(async () => ({}));
    expect((await runCommandHere(['jobs'], env)).stdout).toBe('Nothing is owed.\n');
    await inDatabase(server, async (database) => {
      const fault = { attempts: 3, last_error: 'EIO: \u001B[2Jno', next_attempt_at: 32_503_680_000_000 };
      await database('removed_objects').insert({ storage_key: 'chat/c/s/key', ...fault });
      await database('chores').insert({
        name: 'expire uploads',
        failures: 2,
        failures_total: 5,
        last_error: 'Error: away',
        last_failed_at: 0,
        next_attempt_at: 0,
      });
    });
    const { code, stdout } = await runCommandHere(['jobs'], env);
    expect(code).toBe(0);
    expect(stdout).toMatch(
      /^delete object +chat\/c\/s\/key +waiting +3 +3000-01-01T00:00:00.000Z +EIO: \\u\{1b\}\[2Jno$/m,
    );
    expect(stdout).toContain('chore “expire uploads” fails, 2 times in a row (5 in all, last 1970-01-01');
    expect(stdout).toContain('No server is running');
    const json = JSON.parse((await runCommandHere(['jobs', '--json'], env)).stdout);
    expect(json).toMatchObject({
      server_running: false,
      counts: { 'delete object': 1, 'expire upload': 0 },
      jobs: [{ kind: 'delete object', key: 'chat/c/s/key', state: 'waiting', attempts: 3 }],
    });
  });

  test('before the first start: doctor is content, the others say that there is nothing yet', async () => {
    const env = { DATA_DIR: join(folder, 'fresh'), JWT_SECRET: TEST_SECRET, PORT: String(await freePort()) };
    const { code, stdout } = await runCommandHere(['doctor'], env);
    expect([code, stdout]).toEqual([0, expect.stringContaining('not there yet')]);
    for (const args of [['files', 'list'], ['files', 'verify'], ['jobs'], ['sweep']]) {
      const end = await runCommandHere(args, env);
      expect([end.code, end.stderr]).toEqual([1, expect.stringContaining('There is no database at')]);
    }
  });
});

describe('doctor finds', () => {
  test('every wrong setting, each with its example, and no secret', async () => {
    const { code, stdout } = await runCommandHere(['doctor'], { PORT: 'eighty', JWT_SECRET: 'hunter2' });
    expect([code, stdout.match(/✗ settings/g)?.length]).toEqual([1, 2]);
    expect(stdout).toContain('Example: PORT=8001');
    expect(stdout).not.toContain('hunter2');
  });

  test('a folder that is a file', async () => {
    const file = join(folder, 'a-file');
    await writeFile(file, '');
    const { code, stdout } = await doctor({ MEDIA_ROOT: file });
    expect([code, stdout]).toEqual([1, expect.stringContaining(`✗ folder ${file}: ${file} is not a folder`)]);
  });

  test('too little room for one file', async () => {
    const { code, stdout } = await doctor({ CHAT_MAX_FILE_SIZE: '8000TB' });
    expect([code, stdout]).toEqual([1, expect.stringContaining('not enough for one file of CHAT_MAX_FILE_SIZE')]);
  });

  test('a database without tables is a new one, and nothing is wrong with it', async () => {
    const empty = join(folder, 'empty.sqlite');
    await writeFile(empty, '');
    const { stdout } = await doctor({ DATABASE_URL: `sqlite:${empty}` });
    expect(stdout).toContain('✓ database tables: there are none yet; the first start makes them');
  });

  test('a database that is none, one that is behind, and one that a newer version wrote', async () => {
    const none = join(folder, 'none.sqlite');
    await writeFile(none, 'this is no database, and longer than its header of one hundred bytes'.repeat(20));
    expect(await doctor({ DATABASE_URL: `sqlite:${none}` })).toMatchObject({
      code: 1,
      stdout: expect.stringMatching(/✗ database: .*not a database/),
    });
    const { server, env } = await stopped(async () => ({}));
    const migrations = (change: (database: Database) => PromiseLike<unknown>) => inDatabase(server, change);
    await migrations((database) => database('migrations').insert({ name: '9999-future', batch: 2 }));
    const newer = await runCommandHere(['doctor'], env);
    expect([newer.code, newer.stdout]).toEqual([1, expect.stringContaining('a newer Chatdrop was here: 9999-future')]);
    for (const command of ['jobs', 'migrate', 'serve'])
      expect(await runCommandHere([command], env)).toMatchObject({
        code: 1,
        stderr: `chatdrop: The database ${server.dataDir}/chatdrop.sqlite cannot be used: it was written by a newer Chatdrop (9999-future). Start the newer version again, or restore a backup from before the upgrade.\n`,
      });
    await migrations((database) => database('migrations').where('id', '>', 1).delete());
    const behind = await runCommandHere(['doctor'], env);
    expect([behind.code, behind.stdout]).toEqual([1, expect.stringContaining('→ Run: chatdrop migrate')]);
    expect((await runCommandHere(['jobs'], env)).stderr).toContain('Run: chatdrop migrate');
    // The tables are there, only nobody knows: an upgrade that fails, in one line.
    for (const command of ['migrate', 'serve']) {
      const failed = await runCommandHere([command], env);
      expect([failed.code, failed.stderr.match(/\n/g)?.length]).toEqual([1, 1]);
      expect(failed.stderr).toMatch(
        /cannot be used: the migration 0002-concatenation failed, and nothing of it was kept/,
      );
      expect(failed.stderr).toContain('start the version that ran before, and report this.');
    }
  });

  test('entries of the ledger that are yet to come', async () => {
    const { server, env } = await stopped(({ baseUrl }) =>
      shareFile({ baseUrl, room: newChatRoom(), body: pngFile() }),
    );
    await inDatabase(server, (database) => database('ledger').update({ created_at: 32_503_680_000_000 }));
    const { code, stdout } = await runCommandHere(['doctor'], env);
    expect([code, stdout]).toEqual([1, expect.stringMatching(/✗ clock: .* is before the newest entry of the ledger/)]);
  });

  async function doctor(env: Record<string, string>) {
    const port = String(await freePort());
    return runCommandHere(['doctor'], {
      DATA_DIR: join(folder, 'doctor'),
      JWT_SECRET: TEST_SECRET,
      PORT: port,
      ...env,
    });
  }
});

/** A server that did something and was stopped; its folder stays until the tests are over. */
async function stopped<T>(
  work: (server: Chatdrop) => Promise<T>,
  afterStop: (dataDir: string, before: T) => Promise<unknown> = async () => {},
) {
  const dataDir = await mkdtemp(join(folder, 'stopped-'));
  const server = await startChatdrop({ dataDir });
  const before = await work(server);
  await server.stop();
  await afterStop(dataDir, before);
  return { server, env: environmentOf(server), before };
}

function environmentOf({ dataDir, port }: Chatdrop): Record<string, string> {
  return { DATA_DIR: dataDir, PORT: String(port), JWT_SECRET: TEST_SECRET };
}

async function inDatabase<T>({ dataDir }: Chatdrop, work: (database: Database) => PromiseLike<T>): Promise<T> {
  const database = openSqlite(join(dataDir, 'chatdrop.sqlite'));
  try {
    return await work(database);
  } finally {
    await database.destroy();
  }
}

async function linkSecret(server: Chatdrop): Promise<string> {
  const row = await inDatabase(server, (database) => database('server_values').first('value'));
  return row.value;
}

function faultsOf(stdout: string): string[] {
  return [
    ...stdout.matchAll(/^(missing|wrong-size|wrong-sha256|unreadable|orphan): \S+?(?: file (\d+) .*)?: .*$/gm),
  ].map(([, fault, id]) => (id === undefined ? String(fault) : `${fault} ${id}`));
}

function sha256(bytes: Buffer): string {
  return createHash('sha256').update(bytes).digest('hex');
}
