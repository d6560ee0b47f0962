/** What may not be shared: refused from its first bytes, repeated on every try, and nothing of it left behind. */
import { deflateRawSync } from 'node:zlib';
import { describe, expect, test } from 'vitest';
import type { ProblemCode } from '../../server/contract/problem.ts';
import { bearer, codeOf, get, listFiles, listUploads, storedFiles } from '../services/chat-api.ts';
import { type ChatRoom, newChatRoom } from '../services/chat-room.ts';
import { chatdropForSuite } from '../services/chatdrop-suite.ts';
import { eventually } from '../services/eventually.ts';
import {
  elfFile,
  exeFile,
  htmlFile,
  mp4File,
  mp4Stream,
  pdfFile,
  pngFile,
  scriptFile,
  sha256Of,
  svgFile,
  textFile,
} from '../services/fixtures.ts';
import { recordSocket } from '../services/socket-recorder.ts';
import { create, fileIdOf, head, offsetOf, openPatch, patch } from '../services/tus-wire.ts';
import { send, type WireAnswer } from '../services/wire.ts';

const MIB = 1024 * 1024;
/** The first bytes that a verdict may wait for. */
const FIRST_BYTES = 4096;
const server = chatdropForSuite();

type Case = [what: string, body: Buffer, name: string, type: string, code: ProblemCode];

const FORBIDDEN: Case[] = [
  ['a Windows program named .png', exeFile(), 'holiday.png', 'image/png', 'executable'],
  ['a Windows program named .txt', exeFile(), 'notes.txt', 'text/plain', 'executable'],
  ['a Linux program named .pdf', elfFile(), 'invoice.pdf', 'application/pdf', 'executable'],
  ['a shell script named .txt', scriptFile(), 'notes.txt', 'text/plain', 'executable'],
  ['HTML as text/plain', htmlFile(), 'page.txt', 'text/plain', 'executable'],
  ['HTML behind a BOM and blank lines', padded(htmlFile(), '\ufeff\n\n   '), 'page.txt', 'text/plain', 'executable'],
  ['HTML behind a comment', padded(htmlFile(), `<!-- ${'x'.repeat(600)} -->`), 'page.txt', 'text/plain', 'executable'],
  ['HTML in UTF-16', Buffer.from(`\ufeff${htmlFile(400)}`, 'utf16le'), 'page.txt', 'text/plain', 'executable'],
  ['HTML named .csv', htmlFile(), 'table.csv', 'text/csv', 'executable'],
  ['SVG', svgFile(), 'drawing.svg', 'image/svg+xml', 'executable'],
  ['SVG named .png', svgFile(), 'drawing.png', 'image/png', 'executable'],
  ['SVG named .txt', svgFile(), 'drawing.txt', 'text/plain', 'executable'],
  ['PNG bytes named .pdf', pngFile({ bytes: 2000 }), 'report.pdf', 'application/pdf', 'type-mismatch'],
  ['bytes of no known type', noise(2000), 'data.png', 'image/png', 'type-mismatch'],
  ['bytes of no known type and no name', noise(2000), 'data', 'application/octet-stream', 'type-not-allowed'],
];

describe('forbidden by its bytes', () => {
  test.each(FORBIDDEN)('%s, in one PATCH', async (_what, body, name, type, code) => {
    const room = newChatRoom();
    const before = await storedFiles(server().dataDir);
    const created = await begin(room, body.length, { filename: name, filetype: type });
    // A name alone may already be enough.
    const refused = created.status === 201 ? await patchFrom(created.url, room, 0, body) : created;
    expectRefusal(refused, 415, code);
    await expectNothingLeft(room, created.url, code, before);
  });

  test.each(FORBIDDEN)('%s, inside the creation', async (_what, body, name, type, code) => {
    const room = newChatRoom();
    const before = await storedFiles(server().dataDir);
    const created = await create({
      baseUrl: server().baseUrl,
      token: room.visitor,
      body,
      metadata: { filename: name, filetype: type },
    });
    expectRefusal(created, 415, code);
    await expectNothingLeft(room, created.url, code, before);
  });

  test.each<Case>([
    ['a Windows program', exeFile(100_000), 'holiday.png', 'image/png', 'executable'],
    ['HTML', htmlFile(100_000), 'notes.txt', 'text/plain', 'executable'],
    [
      'HTML that begins late',
      padded(htmlFile(100_000), ' '.repeat(3000)).subarray(0, 100_000),
      'notes.txt',
      'text/plain',
      'executable',
    ],
  ])('%s in PATCHes of 512 bytes is refused within the first 4 KiB', async (_what, body, name, type, code) => {
    const room = newChatRoom();
    const before = await storedFiles(server().dataDir);
    const created = await begin(room, body.length, { filename: name, filetype: type });
    expect(created.status).toBe(201);
    let refused: WireAnswer | undefined;
    let offset = 0;
    while (refused === undefined && offset <= FIRST_BYTES) {
      const answer = await patchFrom(created.url, room, offset, body.subarray(offset, offset + 512));
      if (answer.status === 204) offset = offsetOf(answer);
      else refused = answer;
    }
    expectRefusal(refused, 415, code);
    await expectNothingLeft(room, created.url, code, before);
  });

  test('a program byte by byte is refused too', async () => {
    const room = newChatRoom();
    const before = await storedFiles(server().dataDir);
    const body = exeFile(600);
    const created = await begin(room, body.length, { filename: 'a.png' });
    let last: WireAnswer | undefined;
    for (let offset = 0; offset < 64; offset += 1) {
      last = await patchFrom(created.url, room, offset, body.subarray(offset, offset + 1));
      if (last.status !== 204) break;
    }
    if (last?.status === 204) last = await patchFrom(created.url, room, 64, body.subarray(64));
    expectRefusal(last, 415, 'executable');
    await expectNothingLeft(room, created.url, 'executable', before);
  });

  test('the answer comes while the body is still being sent', async () => {
    const room = newChatRoom();
    const before = await storedFiles(server().dataDir);
    const created = await begin(room, 20 * MIB, { filename: 'a.png' });
    const opened = openPatch({ url: created.url, token: room.visitor, offset: 0, length: 20 * MIB });
    await opened.write(exeFile(64 * 1024));
    expectRefusal(await opened.answer, 415, 'executable');
    opened.abort();
    await expectNothingLeft(room, created.url, 'executable', before);
  });

  test('nobody in the chat hears of a file', async () => {
    const room = newChatRoom();
    const listener = recordSocket({
      baseUrl: server().baseUrl,
      auth: { token: room.agent, company_id: room.company, session_id: room.session },
    });
    try {
      await listener.waitForEvent('connection_established');
      const refused = await create({ baseUrl: server().baseUrl, token: room.visitor, body: exeFile() });
      expect(refused.status).toBe(415);
      // A good file after it is the sign that everything before has been sent.
      const good = await create({ baseUrl: server().baseUrl, token: room.visitor, body: pngFile() });
      const first = await listener.waitForEvent('file_shared');
      expect(first.payload.id).toBe(fileIdOf(good));
      expect(listener.payloads('upload_progress').filter(({ state }) => state !== 'done')).toEqual([]);
    } finally {
      listener.close();
    }
  });
});

describe('too large', () => {
  test('at creation: 413, before a byte is sent', async () => {
    const room = newChatRoom();
    const created = await begin(room, 26 * MIB, { filename: 'film.mp4' });
    expectRefusal(created, 413, 'file-too-large');
    expect(created.headers.location).toBeUndefined();
    expect(await listUploads(server().baseUrl, room)).toEqual([]);
  });

  test('25 MiB exactly is taken, one byte more is not', async () => {
    const room = newChatRoom();
    expect((await begin(room, 25 * MIB, { filename: 'film.mp4' })).status).toBe(201);
    expect((await begin(room, 25 * MIB + 1, { filename: 'film.mp4' })).status).toBe(413);
  });

  test('with a deferred length: 413 when it is named', async () => {
    const room = newChatRoom();
    const before = await storedFiles(server().dataDir);
    const created = await deferred(room);
    const refused = await patch({
      url: created.url,
      token: room.visitor,
      offset: 0,
      body: mp4File(1000),
      headers: { 'upload-length': String(26 * MIB) },
    });
    expectRefusal(refused, 413, 'file-too-large');
    await expectNoFile(room, before);
  });

  test('with a deferred length that is never named: 413 as soon as it is too much', async () => {
    const room = newChatRoom();
    const before = await storedFiles(server().dataDir);
    const created = await deferred(room);
    const first = await patchFrom(created.url, room, 0, mp4File(24 * MIB));
    expect([first.status, offsetOf(first)]).toEqual([204, 24 * MIB]);
    const refused = await patch({
      url: created.url,
      token: room.visitor,
      offset: 24 * MIB,
      body: mp4Stream(2 * MIB, 2),
    });
    expectRefusal(refused, 413, 'file-too-large');
    await expectNoFile(room, before);
  });
});

describe('a checksum of the whole file', () => {
  test('that agrees is kept', async () => {
    const room = newChatRoom();
    const body = pdfFile(3000);
    const sha256 = await sha256Of(body);
    const created = await create({
      baseUrl: server().baseUrl,
      token: room.visitor,
      body,
      metadata: { filename: 'a.pdf', sha256 },
    });
    expect(created.status).toBe(201);
    expect((await listFiles(server().baseUrl, room)).files).toMatchObject([{ sha256, mime_type: 'application/pdf' }]);
  });

  test('that does not is 422, and nothing is kept', async () => {
    const room = newChatRoom();
    const before = await storedFiles(server().dataDir);
    const body = pdfFile(3000);
    const created = await begin(room, body.length, { filename: 'a.pdf', sha256: await sha256Of(pdfFile(3001)) });
    expect(created.status).toBe(201);
    const refused = await patchFrom(created.url, room, 0, body);
    expectRefusal(refused, 422, 'checksum-mismatch');
    await expectNothingLeft(room, created.url, 'checksum-mismatch', before);
  });

  test('that is none is 400', async () => {
    const room = newChatRoom();
    const created = await begin(room, 100, { filename: 'a.pdf', sha256: 'not-hex' });
    expectRefusal(created, 400, 'invalid-request');
  });
});

describe('names are data', () => {
  test.each([
    ['a path upwards', '../../../etc/passwd.txt', 'passwd.txt'],
    ['a Windows path', 'C:\\Users\\me\\notes.txt', 'notes.txt'],
    ['a NUL', 'no\0tes.txt', undefined],
    ['a line break', 'no\r\nSet-Cookie: a=b\r\ntes.txt', undefined],
    ['an RTLO that hides the end', 'notes\u202Egnp.txt', undefined],
    ['other bidirectional controls', '\u2066notes\u2069\u200F.txt', undefined],
    ['nothing but dots', '...', undefined],
    ['300 characters', `${'n'.repeat(300)}.txt`, undefined],
    ['4-byte characters beyond the limit', `${'😀'.repeat(200)}.txt`, undefined],
    ['only blanks', '   ', undefined],
  ])('%s', async (_what, name, expected) => {
    const room = newChatRoom();
    const created = await create({
      baseUrl: server().baseUrl,
      token: room.visitor,
      body: textFile(),
      metadata: { filename: name, filetype: 'text/plain' },
    });
    expect(created.status).toBe(201);
    const [file] = (await listFiles(server().baseUrl, room)).files;
    const kept = String(file?.name);
    expect(kept).not.toBe('');
    expect(kept).not.toMatch(/[/\\]|\.\.\/|^\.+$/);
    // biome-ignore lint/suspicious/noControlCharactersInRegex: they are what must be gone
    expect(kept).not.toMatch(/[\u0000-\u001f\u007f\u200e\u200f\u202a-\u202e\u2066-\u2069]/);
    expect(kept.length).toBeLessThanOrEqual(255);
    expect(kept.isWellFormed()).toBe(true);
    expect(file?.original_name).toBe(kept);
    if (expected !== undefined) expect(kept).toBe(expected);
    const download = await get(server().baseUrl, `/api/chat/files/${file?.id}/content`, room.visitor);
    expect(download.body).toEqual(textFile());
  });

  test('an absent name is "file", and bytes decide the type', async () => {
    const room = newChatRoom();
    await create({ baseUrl: server().baseUrl, token: room.visitor, body: pngFile() });
    const [file] = (await listFiles(server().baseUrl, room)).files;
    expect(file?.name).toMatch(/^file(\.png)?$/);
    expect(file?.mime_type).toBe('image/png');
  });

  test('the type is what the bytes are, not what the client says', async () => {
    const room = newChatRoom();
    const created = await create({
      baseUrl: server().baseUrl,
      token: room.visitor,
      body: pdfFile(),
      metadata: { filename: 'a.pdf', filetype: 'text/html' },
    });
    // Refusing what says of itself that it is a page would be right too; serving it as one would not.
    if (created.status === 201) {
      const [file] = (await listFiles(server().baseUrl, room)).files;
      expect(file?.mime_type).toBe('application/pdf');
    } else {
      expect(created.status).toBe(415);
    }
  });
});

describe('CHAT_ALLOWED_FILE_TYPES', () => {
  const narrow = chatdropForSuite({
    env: { CHAT_ALLOWED_FILE_TYPES: '*', CHAT_MAX_FILE_SIZE: '1MB', CHAT_REFUSE_ENCRYPTED: 'true' },
  });

  test('* lets unknown bytes in, but programs, pages and SVG never', async () => {
    const room = newChatRoom();
    const share = (body: Buffer, filename: string) =>
      create({ baseUrl: narrow().baseUrl, token: room.visitor, body, metadata: { filename } });
    expect((await share(noise(2000), 'data.bin')).status).toBe(201);
    expect(codeOf(await share(exeFile(), 'data.bin'))).toBe('executable');
    expect(codeOf(await share(htmlFile(), 'data.bin'))).toBe('executable');
    expect(codeOf(await share(svgFile(), 'data.bin'))).toBe('executable');
    expect(codeOf(await share(textFile(), 'setup.exe'))).toBe('executable');
    expect((await listFiles(narrow().baseUrl, room)).count).toBe(1);
  });

  test('CHAT_MAX_FILE_SIZE counts in powers of 1024', async () => {
    const room = newChatRoom();
    expect((await create({ baseUrl: narrow().baseUrl, token: room.visitor, length: MIB })).status).toBe(201);
    expect((await create({ baseUrl: narrow().baseUrl, token: room.visitor, length: MIB + 1 })).status).toBe(413);
  });

  test('CHAT_REFUSE_ENCRYPTED refuses what has a password, by one request too', async () => {
    const room = newChatRoom();
    const body = zipOf('a.txt', Buffer.from('secret'), 1);
    const refused = await create({
      baseUrl: narrow().baseUrl,
      token: room.visitor,
      body,
      metadata: { filename: 'a.zip' },
    });
    expectRefusal(refused, 422, 'encrypted');
    const boundary = 'x'.repeat(20);
    const part = `--${boundary}\r\nContent-Disposition: form-data; name="file"; filename="a.zip"\r\n\r\n`;
    const whole = Buffer.concat([Buffer.from(part), body, Buffer.from(`\r\n--${boundary}--\r\n`)]);
    const headers = { ...bearer(room.visitor), 'content-type': `multipart/form-data; boundary=${boundary}` };
    const url = `${narrow().baseUrl}/api/chat/upload/`;
    expectRefusal(await send({ method: 'POST', url, headers, body: whole }), 422, 'encrypted');
    expect((await listFiles(narrow().baseUrl, room)).count).toBe(0);
    // Without the setting it is a file.
    const kept = await create({
      baseUrl: server().baseUrl,
      token: room.visitor,
      body,
      metadata: { filename: 'a.zip' },
    });
    expect(kept.status).toBe(201);
    expect((await listFiles(server().baseUrl, room)).files).toMatchObject([{ mime_type: 'application/zip' }]);
  });

  test('a zip bomb is refused and leaves nothing; a zip is looked at, not unpacked', async () => {
    const room = newChatRoom();
    const before = await storedFiles(narrow().dataDir);
    const bomb = zipOf('zeros.txt', Buffer.alloc(40 * MIB));
    expect(bomb.length).toBeLessThan(MIB);
    const created = await create({
      baseUrl: narrow().baseUrl,
      token: room.visitor,
      body: bomb,
      metadata: { filename: 'a.zip' },
    });
    expectRefusal(created, 422, 'archive-refused');
    expect((await listFiles(narrow().baseUrl, room)).count).toBe(0);
    await eventually('its bytes are gone', async () =>
      (await storedFiles(narrow().dataDir)).every((path) => before.includes(path)),
    );
    const begun = await create({
      baseUrl: narrow().baseUrl,
      token: room.visitor,
      length: bomb.length,
      metadata: { filename: 'a.zip' },
    });
    expectRefusal(await patch({ url: begun.url, token: room.visitor, offset: 0, body: bomb }), 422, 'archive-refused');
    expect((await head(begun.url, room.visitor)).status).toBe(410);
    const small = await create({
      baseUrl: narrow().baseUrl,
      token: room.visitor,
      body: zipOf('zeros.txt', Buffer.alloc(1000)),
      metadata: { filename: 'a.zip' },
    });
    expect(small.status).toBe(201);
  });
});

async function begin(room: ChatRoom, length: number, metadata: Record<string, string>) {
  return await create({ baseUrl: server().baseUrl, token: room.visitor, length, metadata });
}

async function deferred(room: ChatRoom) {
  const metadata = { filename: 'film.mp4' };
  const created = await create({ baseUrl: server().baseUrl, token: room.visitor, deferLength: true, metadata });
  expect(created.status).toBe(201);
  return created;
}

async function patchFrom(url: string, room: ChatRoom, offset: number, body: Buffer): Promise<WireAnswer> {
  return await patch({ url, token: room.visitor, offset, body });
}

function expectRefusal(answer: WireAnswer | undefined, status: number, code: ProblemCode): void {
  expect([answer?.status, answer && codeOf(answer)]).toEqual([status, code]);
}

/** No row, no bytes; every further PATCH repeats the refusal, and HEAD says that the upload has ended. */
async function expectNothingLeft(room: ChatRoom, url: string, code: ProblemCode, before: string[]): Promise<void> {
  if (url !== '') {
    expect((await head(url, room.visitor)).status).toBe(410);
    const again = await patch({ url, token: room.visitor, offset: 0, body: pngFile() });
    expect(codeOf(again)).toBe(code);
    expect((await head(url, room.visitor)).status).toBe(410);
  }
  await expectNoFile(room, before);
}

async function expectNoFile(room: ChatRoom, before: string[]): Promise<void> {
  const { count, files } = await listFiles(server().baseUrl, room);
  expect([count, files]).toEqual([0, []]);
  await eventually('the refused bytes are gone', async () => {
    const after = await storedFiles(server().dataDir);
    return after.every((path) => before.includes(path));
  });
}

function padded(body: Buffer, start: string): Buffer {
  return Buffer.concat([Buffer.from(start), body]);
}

/** Bytes that are neither text nor any known format. */
function noise(bytes: number): Buffer {
  return Buffer.concat([Buffer.from([0x9c, 0x00, 0x01, 0xfe, 0x83]), mp4File(bytes + 64).subarray(64)]);
}

/** A zip of one deflated member. */
function zipOf(name: string, content: Buffer, flags = 0): Buffer {
  const packed = deflateRawSync(content, { level: 9 });
  const fields = (signature: number, head: number[]) => {
    const buffer = Buffer.alloc(4 + head.length * 2);
    buffer.writeUInt32LE(signature, 0);
    for (const [at, value] of head.entries()) buffer.writeUInt16LE(value & 0xffff, 4 + at * 2);
    return buffer;
  };
  const sizes = [packed.length & 0xffff, packed.length >>> 16, content.length & 0xffff, content.length >>> 16];
  const common = [20, flags, 8, 0, 0, 0, 0, ...sizes, name.length, 0];
  const local = Buffer.concat([fields(0x04034b50, common), Buffer.from(name), packed]);
  const entry = Buffer.concat([fields(0x02014b50, [20, ...common, 0, 0, 0, 0, 0, 0, 0]), Buffer.from(name)]);
  const end = fields(0x06054b50, [
    0,
    0,
    1,
    1,
    entry.length & 0xffff,
    entry.length >>> 16,
    local.length & 0xffff,
    local.length >>> 16,
    0,
  ]);
  return Buffer.concat([local, entry, end]);
}
