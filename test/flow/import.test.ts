/** The original service's files come over beside a running server: whole, once, in their order, and no row leads anywhere else. */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdir, readFile, symlink, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { expect, onTestFinished, test } from 'vitest';
import { EXECUTABLE, SERVER_ENTRY } from '../services/built-server.ts';
import { download, get, listFiles, shareFile, storedFiles } from '../services/chat-api.ts';
import { type ChatRoom, newChatRoom } from '../services/chat-room.ts';
import { chatdropForSuite } from '../services/chatdrop-suite.ts';
import { type DjangoRow, makeDjangoSource } from '../services/django-source.ts';
import { eventually } from '../services/eventually.ts';
import { exeFile, htmlFile, pdfFile, sha256Of, svgFile, textFile } from '../services/fixtures.ts';
import { photo, placeIn } from '../services/pictures.ts';
import { runCommandHere } from '../services/run-command.ts';
import { recordSocket } from '../services/socket-recorder.ts';
import { jsonOf } from '../services/wire.ts';

const server = chatdropForSuite();

const run = (...args: string[]) => runCommandHere(['import', ...args], server().env);

async function newSource() {
  const source = await makeDjangoSource();
  onTestFinished(() => source.close());
  return source;
}

let names = 0;
/** An import of its own: the rows of other tests are others. */
const newName = () => `test-${++names}`;

function rowOf(room: ChatRoom, name: string, bytes: Buffer, over: Partial<DjangoRow> = {}): DjangoRow {
  const file = `chat/${room.company}/${room.session}/${name}`;
  const row = { company_id: room.company, session_id: room.session, uploader: 'user', file, original_name: name };
  return { ...row, size: bytes.length, ...over };
}

test('rows become files, with chat, sender, name, time and order; again, nothing comes twice; what was removed stays away', async () => {
  const source = await newSource();
  const { baseUrl, dataDir, openDatabase } = server();
  const room = newChatRoom();
  const where = ['--from', source.from, '--media', source.media, '--source', newName()];
  const [letter, paper] = [Buffer.from('Grüße 👋\n'), pdfFile()];
  // Far from what other tests have: these ids are free.
  const first = 1_000_000_000 * (names + 1);
  const ids = [first, first + 1, first + 2];
  await source.add(
    rowOf(room, 'Besuch übermorgen.txt', letter, { id: first, created_at: '2024-01-02 03:04:05+00' }),
    letter,
  );
  const unsafe = { id: first + 1, original_name: 'a/b\\..\\Vertrag\u202E.pdf', created_at: '2024-02-02 03:04:05.5+00' };
  await source.add(rowOf(room, 'document.pdf', paper, { uploader: 'agent', ...unsafe }), paper);
  // Two rows with one file between them.
  await source.add(rowOf(room, 'Besuch übermorgen.txt', letter, { id: first + 2 }), null);
  const socket = recordSocket({ baseUrl, auth: { token: room.visitor } });
  await socket.waitForEvent('connection_established');
  const before = await storedFiles(dataDir);

  const dry = await run(...where, '--dry-run');
  expect([dry.code, dry.stdout]).toEqual([
    0,
    '3 rows looked at: 3 would be imported (0 MiB), 0 there already, 0 missing, 0 refused, 0 failed.\nNothing was changed.\n',
  ]);
  expect([await storedFiles(dataDir), (await listFiles(baseUrl, room)).count]).toEqual([before, 0]);

  const map = path.join(source.folder, 'map.jsonl');
  const done = await run(...where, '--map', map);
  expect([done.code, done.stdout]).toEqual([
    0,
    '3 rows looked at: 3 imported (0 MiB), 0 there already, 0 missing, 0 refused, 0 failed.\n',
  ]);
  const { files, seq } = await listFiles(baseUrl, room);
  const shared = { company_id: room.company, session_id: room.session };
  expect(files).toMatchObject([
    { ...shared, id: ids[0], uploader: 'user', name: 'Besuch übermorgen.txt', mime_type: 'text/plain', seq: 1 },
    { ...shared, id: ids[1], uploader: 'agent', name: 'Vertrag.pdf', mime_type: 'application/pdf', seq: 2 },
    { ...shared, id: ids[2], uploader: 'user', size: letter.length, sha256: await sha256Of(letter), seq: 3 },
  ]);
  expect(files.map((file) => file.created_at)).toEqual([
    '2024-01-02T03:04:05.000Z',
    '2024-02-02T03:04:05.500Z',
    '2025-09-04T12:34:56.789Z',
  ]);
  for (const [at, bytes] of [letter, paper, letter].entries())
    expect((await download(files[at]?.url ?? '')).body).toEqual(bytes);
  // Who is connected hears of them, each once.
  await socket.waitFor(({ payload }) => payload.id === ids[2]);
  expect(socket.payloads('file_shared').map(({ id }) => id)).toEqual(ids);
  socket.close();
  const mapped = (await readFile(map, 'utf8')).trim().split('\n');
  expect(mapped.map((line) => JSON.parse(line))).toEqual(
    ids.map((id, at) => ({
      source_id: String(id),
      file_id: id,
      path: `chat/${room.company}/${room.session}/${at === 1 ? 'document.pdf' : 'Besuch übermorgen.txt'}`,
    })),
  );

  // The chat is as old as its last file, and not as new as the import; its bytes count, and the audit knows who it was.
  const sessions = jsonOf<{ sessions: { last_activity_at: string }[] }>(
    await get(baseUrl, '/api/chat/sessions/', room.agent),
  );
  expect(sessions.sessions).toMatchObject([{ last_activity_at: '2025-09-04T12:34:56.789Z' }]);
  const audit = await runCommandHere(
    ['audit', '--company', room.company, '--action', 'imported', '--json'],
    server().env,
  );
  expect(
    audit.stdout
      .trim()
      .split('\n')
      .map((line) => JSON.parse(line)),
  ).toMatchObject(ids.toReversed().map((id) => ({ role: 'operator', file_id: id, detail: { source_id: String(id) } })));
  const database = await openDatabase();
  onTestFinished(() => database.destroy());
  const usage = await database('company_usage').where({ company_id: room.company }).first('bytes');
  expect(usage.bytes).toBe(2 * letter.length + paper.length);

  // New files come behind all of them.
  const fresh = await shareFile({ baseUrl, room, body: textFile(), name: 'fresh.txt' });
  expect(fresh.id).toBeGreaterThan(first + 2);
  const removed = await runCommandHere(['files', 'remove', String(first)], server().env);
  expect(removed.code).toBe(0);
  await source.add(rowOf(room, 'late.txt', letter, { id: first + 3 }), letter);
  const again = await run(...where);
  expect([again.code, again.stdout]).toEqual([
    0,
    '4 rows looked at: 1 imported (0 MiB), 3 there already, 0 missing, 0 refused, 0 failed.\n',
  ]);
  const after = await listFiles(baseUrl, room);
  // The late one has its own id, which nobody got meanwhile.
  expect(after.files.map(({ id }) => id)).toEqual([first + 1, first + 2, first + 3, fresh.id]);
  expect(after.seq).toBe(seq + 3);
});

test('no row leads out of the media folder, and none brings what an upload may not; each is named with its reason', async () => {
  const source = await newSource();
  const { baseUrl, dataDir } = server();
  const room = newChatRoom();
  const secret = Buffer.from('the secret of the machine\n');
  await writeFile(path.join(source.folder, 'secret.txt'), secret);
  await mkdir(path.join(source.media, 'chat', 'folder.txt'), { recursive: true });
  await symlink(path.join(source.folder, 'secret.txt'), path.join(source.media, 'chat', 'link.txt'));
  await symlink(source.folder, path.join(source.media, 'chat', 'out'));
  const text = textFile(50);
  const at = (file: string, over: Partial<DjangoRow> = {}) =>
    source.add(rowOf(room, 'x.txt', secret, { file, ...over }), null);
  const refused = {
    'unsafe-path': [
      await at('../secret.txt'),
      await at('chat/../../secret.txt'),
      await at(path.join(source.folder, 'secret.txt')),
      await at('chat/link.txt'),
      await at('chat/out/secret.txt'),
      await at('chat/folder.txt'),
      await at('chat\\..\\..\\secret.txt'),
    ],
    executable: [
      await source.add(rowOf(room, 'page.html', text), htmlFile()),
      await source.add(rowOf(room, 'drawing.png', text, { original_name: 'a.svg' }), svgFile()),
      await source.add(rowOf(room, 'paper.pdf', text), exeFile()),
    ],
    'type-mismatch': [await source.add(rowOf(room, 'not.pdf', text), text)],
    'type-not-allowed': [
      await source.add(rowOf(room, 'font.ttf', text), Buffer.from('\0\x01\0\0\0\x0a\0\x80\0\x03\0\x20OS/2', 'latin1')),
    ],
    'invalid-id': [
      await source.add(rowOf(room, 'y.txt', text, { company_id: 'Müller & Sons' }), text),
      await source.add(rowOf(room, 'y.txt', text, { session_id: '../x' }), null),
    ],
    'invalid-row': [await source.add(rowOf(room, 'y.txt', text, { uploader: 'admin' }), text)],
  };
  const missing = [
    await at('chat/nothing.txt'),
    await at(`chat/${'long'.repeat(20)}.txt`),
    await source.add(rowOf(room, 'empty.txt', text), Buffer.alloc(0)),
  ];
  const empty = await source.add(rowOf(room, 'was-empty.txt', Buffer.alloc(0)), Buffer.alloc(0));
  const liar = await source.add(rowOf(room, 'liar.txt', text, { size: 7 }), text);
  const where = ['--from', source.from, '--media', source.media, '--source', newName()];
  const before = await storedFiles(dataDir);

  for (const how of [['--dry-run'], [], []]) {
    const { code, stdout } = await run(...where, ...how);
    expect(code).toBe(1);
    for (const [reason, rows] of Object.entries(refused)) {
      for (const id of rows) expect(stdout).toContain(`refused (${reason}): row ${id} (`);
      expect(stdout).toContain(`refused, ${reason}: ${rows.length}\n`);
    }
    for (const id of missing) expect(stdout).toContain(`missing: row ${id} (`);
    expect(stdout).toMatch(/, 3 missing, 15 refused, 0 failed\.\n/);
    expect(stdout).not.toContain(secret.toString().trim());
  }
  const { files } = await listFiles(baseUrl, room);
  expect(files.map(({ name, size }) => [name, size])).toEqual([
    ['was-empty.txt', 0],
    ['liar.txt', text.length],
  ]);
  // The empty one has no bytes to be seen by.
  expect((await storedFiles(dataDir)).length).toBe(before.length + 1);
  const once = await run('--from', source.from, '--media', source.media, '--source', newName());
  expect(once.stdout).toContain(
    `note: row ${liar} (chat/${room.company}/${room.session}/liar.txt): it has 50 bytes, and its row says 7\n`,
  );
  expect(once.stdout).toContain('of another size than their row says: 1\n');

  // What the settings would not let in comes by a word; what is refused under every setting does not.
  const even = await run(...where, '--even-not-allowed');
  expect(even.stdout).toContain('1 imported');
  expect(even.stdout).toContain('refused, executable: 3\n');
  expect((await listFiles(baseUrl, room)).files.map(({ name }) => name)).toContain('font.ttf');
  expect(empty).toBeGreaterThan(0);
});

test('exports of dumpdata and CSV say the same as the database; pictures lose their metadata as in an upload', async () => {
  const source = await newSource();
  const room = newChatRoom();
  const picture = await photo({ metadata: true });
  const name = newName();
  const id = await source.add(rowOf(room, 'Foto "1", groß.jpg', picture), picture);
  const row = await source.database('chat_chatfile').where({ id }).first();
  const { id: pk, ...fields } = row;
  const object = { model: 'chat.chatfile', pk, fields: { ...fields, created_at: '2025-09-04T12:34:56.789Z' } };
  const other = { model: 'auth.user', pk: 1, fields: { username: 'anna' } };
  const line = (values: unknown[]) =>
    `${values.map((value) => `"${String(value ?? '').replaceAll('"', '""')}"`).join(',')}\r\n`;
  const table = `\uFEFF${line(['id', ...Object.keys(object.fields)])}${line([pk, ...Object.values(object.fields)])}`;
  const exports = {
    'dump.json': JSON.stringify([other, object]),
    'dump.jsonl': `${JSON.stringify(other)}\n${JSON.stringify(object)}\n`,
    'table.csv': table,
    // Not every program quotes a semicolon.
    'semicolon.csv': table.replace(',"Foto ""1"", groß.jpg"', ',a;b.jpg'),
  };
  const database = await server().openDatabase();
  const endpoint = { url: 'https://hooks.invalid/', description: '', events: ',file.shared,', secrets: '[]' };
  await database('webhooks').insert({ ...endpoint, company_id: room.company, created_at: 1 });
  const outcomes: string[] = [];
  for (const [file, text] of Object.entries(exports)) {
    await writeFile(path.join(source.folder, file), text);
    const { code, stdout, stderr } = await run(
      '--from',
      path.join(source.folder, file),
      '--media',
      source.media,
      '--source',
      name,
    );
    expect([file, code, stderr.startsWith('Rows come from ')]).toEqual([file, 0, true]);
    outcomes.push(stdout);
  }
  expect(outcomes).toEqual([
    '1 rows looked at: 1 imported (0 MiB), 0 there already, 0 missing, 0 refused, 0 failed.\n',
    '1 rows looked at: 0 imported (0 MiB), 1 there already, 0 missing, 0 refused, 0 failed.\n',
    '1 rows looked at: 0 imported (0 MiB), 1 there already, 0 missing, 0 refused, 0 failed.\n',
    '1 rows looked at: 0 imported (0 MiB), 1 there already, 0 missing, 0 refused, 0 failed.\n',
  ]);
  const { files } = await listFiles(server().baseUrl, room);
  expect(files).toMatchObject([{ name: 'Foto "1", groß.jpg', mime_type: 'image/jpeg' }]);
  // Who was there before is not told of by webhooks.
  expect(await database('webhook_deliveries').where({ company_id: room.company })).toEqual([]);
  await database.destroy();
  const { body } = await download(files[0]?.url ?? '');
  expect([(await placeIn(picture)) !== null, await placeIn(body)]).toEqual([true, null]);
  expect(body.length).toBe(files[0]?.size);

  for (const [text, words] of [
    [`${JSON.stringify([object]).slice(0, -1)}`, /chatdrop: The JSON is cut off, or none/],
    ['{"model": "chat.chatfile"}\n', /lacks model, pk or fields/],
    ['id,company_id\n1,acme\n', /session_id, uploader, file, original_name, size, created_at is not among them/],
    ['', /is empty/],
  ] as const) {
    const file = path.join(source.folder, 'broken');
    await writeFile(file, text);
    const failed = runCommandHere(['import', '--from', file, '--media', source.media, '--source', name], server().env);
    expect(await failed).toMatchObject({ code: 1, stderr: expect.stringMatching(words) });
  }
});

test('killed in the middle and run again, it loses nothing and brings nothing twice', async () => {
  const source = await newSource();
  const { baseUrl, dataDir, env, openDatabase } = server();
  const room = newChatRoom();
  const bodies = Array.from({ length: 60 }, (_, at) => textFile(2000 + at));
  for (const [at, body] of bodies.entries()) await source.add(rowOf(room, `${at}.txt`, body), body);
  const database = await openDatabase();
  onTestFinished(() => database.destroy());
  const files = () => database('chat_files').where({ company_id: room.company });
  const args = ['import', '--from', source.from, '--media', source.media, '--source', newName()];
  const before = (await storedFiles(dataDir)).length;
  const [program = '', ...script] = EXECUTABLE === undefined ? [process.execPath, SERVER_ENTRY] : [EXECUTABLE];
  const killed = spawn(program, [...script, ...args], { env, stdio: 'ignore' });
  const ended = once(killed, 'exit');
  await eventually('some files are there', async () => killed.exitCode !== null || (await files()).length > 3);
  killed.kill('SIGKILL');
  await ended;

  const again = await runCommandHere(args, env);
  expect(again.code).toBe(0);
  const rows = await files().orderBy('id');
  expect(rows.map((row) => [row.original_name, row.size])).toEqual(
    bodies.map((body, at) => [`${at}.txt`, body.length]),
  );
  expect(rows.map(({ seq }) => seq)).toEqual(bodies.map((_, at) => at + 1));
  // Not one object more: what the killed one left at a place was taken for the same row.
  expect((await storedFiles(dataDir)).filter((file) => !file.includes('.incoming')).length).toBe(
    before + bodies.length,
  );
  expect((await listFiles(baseUrl, room, '&limit=200')).count).toBe(bodies.length);
  expect(await database('imported_files').whereNotNull('storage_key')).toEqual([]);
});

test('says what is wrong with its words: no source, no folder, no table, two tables', async () => {
  const source = await newSource();
  const { env } = server();
  const ends = async (...args: string[]) => {
    const { code, stderr } = await runCommandHere(['import', ...args], env);
    return [code, stderr.split('\n')[0]];
  };
  expect(await ends()).toEqual([2, 'Where are the rows? --from db.sqlite3, postgres://…, or an export.']);
  expect(await ends('--from', source.from)).toEqual([2, 'Where are the files? --media FOLDER, or s3://BUCKET.']);
  expect((await ends('--from', source.from, '--media', '/nowhere/at/all'))[0]).toBe(1);
  const where = ['--media', source.media, '--from'];
  expect(await ends(...where, 'mysql://root@localhost/chat')).toEqual([
    1,
    'chatdrop: Only postgres:// is read by its address. Of any other database: manage.py dumpdata, or CSV.',
  ]);
  expect((await ends(...where, source.from, '--table', 'nothing'))[1]).toBe(
    'chatdrop: There is no table nothing in this database.',
  );
  await source.database.raw('create table "support_chatfile" as select * from "chat_chatfile"');
  expect((await ends(...where, source.from))[1]).toMatch(
    /^chatdrop: Several tables could be meant: .*_chatfile, .*_chatfile\./,
  );
  expect((await runCommandHere(['import', ...where, source.from, '--table', 'support_chatfile'], env)).code).toBe(0);
});
