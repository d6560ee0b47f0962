/** The upload in one request under bad input: each has its answer, and nothing of it is left. */
import { afterEach, describe, expect, test } from 'vitest';
import type { ChatFile } from '../../server/contract/chat-file.ts';
import { codeOf, listFiles, listUploads, storedFiles } from '../services/chat-api.ts';
import { type ChatRoom, newChatRoom } from '../services/chat-room.ts';
import { chatdropForSuite } from '../services/chatdrop-suite.ts';
import { elfFile, pdfFile, pngFile } from '../services/fixtures.ts';
import {
  BOUNDARY,
  field,
  filePart,
  openBody,
  openPost,
  type Part,
  postBody,
  postParts,
  wholeBody,
} from '../services/multipart-wire.ts';
import { jsonOf, send, type WireAnswer } from '../services/wire.ts';

const server = chatdropForSuite({ env: { CHAT_MAX_FILE_SIZE: '1MB' } });
const png = pngFile({ bytes: 3000 });
const FORM = 'multipart/form-data; boundary=';

let room: ChatRoom;
const post = async (parts: readonly Part[], token = room.visitor) =>
  await postParts({ baseUrl: server().baseUrl, token }, parts);
const postRaw = async (body: Buffer, contentType?: string) =>
  await postBody({ baseUrl: server().baseUrl, token: room.visitor }, body, contentType);

/** Everything that is refused goes through here. */
async function expectNothing(answer: WireAnswer, status: number, code: string): Promise<void> {
  expect([answer.status, codeOf(answer)]).toEqual([status, code]);
  expect((await listFiles(server().baseUrl, room)).count).toBe(0);
  expect(await listUploads(server().baseUrl, room)).toEqual([]);
  const kept = (await storedFiles(server().dataDir)).filter((path) => path.includes('.incoming'));
  expect(kept).toEqual([]);
}

afterEach(async () => {
  expect(server().logs()).not.toMatch(/"level":(?:50|60)/);
});

describe('too much', () => {
  test.each<[string, () => Part[]]>([
    ['10,000 fields', () => [...Array.from({ length: 10_000 }, (_, n) => field(`f${n}`, 'x')), filePart(png)]],
    [
      '10,000 fields after the file',
      () => [filePart(png), ...Array.from({ length: 10_000 }, (_, n) => field(`f${n}`, 'x'))],
    ],
    ['21 fields', () => [...Array.from({ length: 21 }, (_, n) => field(`f${n}`, 'x')), filePart(png)]],
    ['a field of 1 MB', () => [field('original_name', 'x'.repeat(1024 * 1024)), filePart(png)]],
    ['a field of 1 MB that nobody knows', () => [filePart(png), field('comment', 'x'.repeat(1024 * 1024))]],
    ['a name of a field of 20 kB', () => [field('x'.repeat(20_000), 'x'), filePart(png)]],
    ['10,000 headers of a part', () => [{ headers: Array.from({ length: 10_000 }, (_, n) => `X-${n}: y`), body: png }]],
    ['two files', () => [filePart(png), filePart(png)]],
    ['a second, empty file', () => [filePart(png), filePart('', 'name="file"; filename="b.png"')]],
    ['10,000 files', () => Array.from({ length: 10_000 }, () => filePart('x'))],
    ['two sizes', () => [field('size', '3000'), field('size', '3000'), filePart(png)]],
    ['two companies', () => [field('company_id', room.company), filePart(png), field('company_id', 'other')]],
  ])('%s is 400', async (_what, parts) => {
    room = newChatRoom();
    await expectNothing(await post(parts()), 400, 'invalid-request');
  });

  test('20 fields that nobody knows are let by', async () => {
    room = newChatRoom();
    const answer = await post([...Array.from({ length: 20 }, (_, n) => field(`f${n}`, 'x')), filePart(png)]);
    expect(answer.status).toBe(201);
  });

  test('a body that no file could make so large is 413 before its bytes', async () => {
    room = newChatRoom();
    await expectNothing(await postRaw(Buffer.alloc(4 * 1024 * 1024)), 413, 'file-too-large');
  });

  test('what stands behind the end is bounded too', async () => {
    room = newChatRoom();
    const body = Buffer.concat([wholeBody([filePart(png)]), Buffer.alloc(1024 * 1024)]);
    expect((await postRaw(body)).status).toBe(201);
  });
});

describe('sizes', () => {
  test.each([
    '-1',
    'NaN',
    '1e3',
    '0x10',
    '9007199254740992',
    '18446744073709551616',
    '',
    ' 3000',
    '3000.0',
    '2999',
    '3001',
  ])('size “%s” is 400, before the file and after it', async (size) => {
    room = newChatRoom();
    await expectNothing(await post([field('size', size), filePart(png)]), 400, 'invalid-request');
    await expectNothing(await post([filePart(png), field('size', size)]), 400, 'invalid-request');
  });

  test('a size above the limit is 413 before the bytes', async () => {
    room = newChatRoom();
    await expectNothing(await post([field('size', String(2 * 1024 * 1024)), filePart(png)]), 413, 'file-too-large');
  });

  test('one byte above the limit is 413, the limit is not', async () => {
    room = newChatRoom();
    const limit = 1024 * 1024;
    await expectNothing(await post([filePart(pngFile({ bytes: limit + 1 }))]), 413, 'file-too-large');
    expect((await post([filePart(pngFile({ bytes: limit }))])).status).toBe(201);
  });

  test('an empty file is shared, a form in which none was chosen is 400', async () => {
    room = newChatRoom();
    await expectNothing(
      await post([filePart('', 'name="file"; filename=""', 'application/octet-stream')]),
      400,
      'invalid-request',
    );
    const answer = await post([filePart('', 'name="file"; filename="empty.txt"')]);
    expect(answer.status).toBe(201);
    expect(jsonOf<ChatFile>(answer)).toMatchObject({ name: 'empty.txt', size: 0, mime_type: 'text/plain' });
  });
});

describe('names', () => {
  const long = `${'x'.repeat(5000)}.png`;
  test.each([
    ['a path', 'name="file"; filename="../../etc/passwd.png"', 'passwd.png'],
    ['a path of Windows', String.raw`name="file"; filename="C:\\fakepath\\photo.png"`, 'photo.png'],
    ['a path without escapes', String.raw`name="file"; filename="C:\fakepath\photo.png"`, 'photo.png'],
    ['only dots', 'name="file"; filename=".."', 'file'],
    ['UTF-8 as it is', 'name="file"; filename="Übersicht 漢字 🎉.png"', 'Übersicht 漢字 🎉.png'],
    ['filename*, RFC 5987', 'name="file"; filename*=UTF-8\'\'%C3%9Cbersicht.png', 'Übersicht.png'],
    // RFC 7578 section 4.2: filename* "MUST NOT be used", so the plain one counts.
    ['filename* behind filename', 'name="file"; filename="a.png"; filename*=UTF-8\'\'b.png', 'a.png'],
    ['filename* with a path in it', 'name="file"; filename*=UTF-8\'\'..%2F..%2Fa.png', 'a.png'],
    ['filename* with a null byte', 'name="file"; filename*=UTF-8\'\'a%00.png', 'a.png'],
    ['filename* of an unknown charset', 'name="file"; filename*=x-none\'\'a.png', 'a.png'],
    ['no quotes', 'name=file; filename=a.png', 'a.png'],
    ['an escaped quote', String.raw`name="file"; filename="a\"b.png"`, 'a"b.png'],
    ['5,000 characters', `name="file"; filename="${long}"`, `${'x'.repeat(251)}.png`],
    ['CR and LF, as browsers write them', 'name="file"; filename="a%0D%0Ab.png"', 'a%0D%0Ab.png'],
    ['an ANSI escape', 'name="file"; filename="\u001b[31mred.png"', '[31mred.png'],
    ['a right-to-left override', 'name="file"; filename="gnp\u202Eexe.png"', 'gnpexe.png'],
  ])('%s', async (_what, disposition, name) => {
    room = newChatRoom();
    const answer = await post([filePart(png, disposition)]);
    expect(answer.status).toBe(201);
    expect(jsonOf<ChatFile>(answer)).toMatchObject({ name, original_name: name });
  });

  test('CR and LF in original_name are no line of any header', async () => {
    room = newChatRoom();
    const file = jsonOf<ChatFile>(await post([filePart(png), field('original_name', 'b\r\nX-Evil: 1.png')]));
    expect(file).toMatchObject({ name: 'bX-Evil: 1.png', mime_type: 'image/png' });
    const download = await send({ method: 'GET', url: file.url });
    expect([download.status, download.headers['x-evil']]).toEqual([200, undefined]);
  });

  test.each([
    ['a bare LF in the name of the file', 'name="file"; filename="a\nb.png"'],
    ['a bare CR in the name of the field', 'name="fi\rle"; filename="a.png"'],
    ['no name of the field', 'filename="a.png"'],
    ['another field', 'name="attachment"; filename="a.png"'],
    ['a field without a file name', 'name="file"'],
  ])('%s is 400', async (_what, disposition) => {
    room = newChatRoom();
    await expectNothing(await post([filePart(png, disposition)]), 400, 'invalid-request');
  });

  test('a program by its name is refused, wherever the name stands', async () => {
    room = newChatRoom();
    await expectNothing(await post([field('original_name', 'a.exe'), filePart(png)]), 415, 'executable');
    await expectNothing(await post([filePart(png), field('original_name', 'a.exe')]), 415, 'executable');
  });

  test('`__proto__` and `constructor` are fields like any other', async () => {
    room = newChatRoom();
    const answer = await post([field('__proto__', 'x'), field('constructor', 'y'), filePart(png)]);
    expect(answer.status).toBe(201);
  });
});

describe('boundaries and forms', () => {
  const whole = () => wholeBody([filePart(png)]);
  test.each<[string, string | undefined, () => Buffer, number]>([
    ['no Content-Type', '', whole, 415],
    ['another form', 'application/x-www-form-urlencoded', () => Buffer.from('file=x'), 415],
    ['multipart/mixed', `multipart/mixed; boundary=${BOUNDARY}`, whole, 415],
    ['form-data as a prefix', `multipart/form-data-x; boundary=${BOUNDARY}`, whole, 415],
    ['no boundary', 'multipart/form-data', whole, 400],
    ['an empty boundary', FORM, whole, 400],
    ['an empty boundary in quotes', `${FORM}""`, whole, 400],
    ['a boundary of 71 characters', FORM + 'b'.repeat(71), () => wholeBody([filePart(png)], 'b'.repeat(71)), 400],
    ['a boundary of 5,000 characters', FORM + 'b'.repeat(5000), whole, 400],
    ['another boundary than announced', `${FORM}other`, whole, 400],
    ['an empty body', undefined, () => Buffer.alloc(0), 400],
    ['only the end', undefined, () => Buffer.from(`--${BOUNDARY}--\r\n`), 400],
    ['no end', undefined, () => openBody([filePart(png)]), 400],
    ['an end that is cut', undefined, () => whole().subarray(0, -6), 400],
    ['cut in a header', undefined, () => Buffer.from(`--${BOUNDARY}\r\nContent-Dispo`), 400],
    [
      'bare LF for line ends',
      undefined,
      () => Buffer.from(whole().toString('latin1').replaceAll('\r\n', '\n'), 'latin1'),
      400,
    ],
    ['null bytes', undefined, () => Buffer.alloc(5000), 400],
    ['a part without headers', undefined, () => wholeBody([{ headers: [], body: png }]), 400],
  ])('%s', async (_what, contentType, body, status) => {
    room = newChatRoom();
    const code = status === 400 ? 'invalid-request' : 'unsupported-media-type';
    await expectNothing(await postRaw(body(), contentType), status, code);
  });

  test.each<[string, string, () => Buffer]>([
    ['70 characters', FORM + 'b'.repeat(70), () => wholeBody([filePart(png)], 'b'.repeat(70))],
    ['in quotes', `${FORM}"a b:c"`, () => wholeBody([filePart(png)], 'a b:c')],
    ['in capitals', 'Multipart/Form-Data; BOUNDARY=x', () => wholeBody([filePart(png)], 'x')],
    ['one dash', `${FORM}-`, () => wholeBody([filePart(png)], '-')],
    ['with a preamble', `${FORM}x`, () => Buffer.concat([Buffer.from('hello\r\n'), wholeBody([filePart(png)], 'x')])],
  ])('a boundary that is allowed: %s', async (_what, contentType, body) => {
    room = newChatRoom();
    const answer = await postRaw(body(), contentType);
    expect(answer.status).toBe(201);
    expect(jsonOf<ChatFile>(answer).size).toBe(png.length);
  });

  test('bytes that look like the boundary stay in the file', async () => {
    room = newChatRoom();
    const tricky = Buffer.from(`text\r\n--${BOUNDARY.slice(0, -1)}\r\n--${BOUNDARY.slice(0, -1)}--\n--${BOUNDARY}`);
    const part = filePart(tricky, 'name="file"; filename="tricky.txt"', 'text/plain');
    expect(jsonOf<ChatFile>(await post([part])).size).toBe(tricky.length);
  });

  test('a multipart within the multipart is one file, of no allowed type', async () => {
    room = newChatRoom();
    const nested = wholeBody([filePart(png), filePart(png)], 'inner');
    const part = filePart(nested, 'name="file"; filename="many"', 'multipart/mixed; boundary=inner');
    await expectNothing(await post([part]), 415, 'type-not-allowed');
  });

  test('base64 as a transfer encoding is 400: the bytes would not be the file’s', async () => {
    room = newChatRoom();
    const part = filePart(png.toString('base64'));
    const encoded = { ...part, headers: [...part.headers, 'Content-Transfer-Encoding: base64'] };
    await expectNothing(await post([encoded]), 400, 'invalid-request');
  });
});

describe('what the token says', () => {
  test('fields may come before the file or after it', async () => {
    room = newChatRoom();
    const fields = [field('company_id', room.company), field('session_id', room.session), field('uploader', 'user')];
    const named = [field('original_name', 'n.png'), field('mime_type', 'image/png'), field('size', String(png.length))];
    for (const parts of [
      [...fields, ...named, filePart(png)],
      [filePart(png), ...fields, ...named],
    ])
      expect(jsonOf<ChatFile>(await post(parts))).toMatchObject({ name: 'n.png', session_id: room.session });
  });

  test.each([
    ['uploader', 'agent', 403],
    ['uploader', 'admin', 400],
    ['company_id', 'other', 403],
    ['company_id', 'a/../b', 400],
    ['session_id', 'other', 403],
    ['session_id', '', 400],
  ])('%s “%s” is refused behind the file too', async (name, value, status) => {
    room = newChatRoom();
    const code = status === 403 ? 'forbidden' : 'invalid-request';
    await expectNothing(await post([filePart(png), field(name, value)]), status, code);
  });

  test('an agent without a session may name it behind the file, and must name one', async () => {
    room = newChatRoom();
    const late = await post(
      [filePart(pdfFile(), 'name="file"; filename="a.pdf"'), field('session_id', room.session)],
      room.agent,
    );
    expect(late.status).toBe(201);
    expect(jsonOf<ChatFile>(late)).toMatchObject({ session_id: room.session, uploader: 'agent' });
    expect((await listFiles(server().baseUrl, room)).count).toBe(1);
    room = newChatRoom();
    await expectNothing(await post([filePart(png)], room.agent), 400, 'invalid-request');
    await expectNothing(await post([filePart(png), field('session_id', 'a b')], room.agent), 400, 'invalid-request');
  });
});

test('a program is refused from its first bytes, while the rest has not come', async () => {
  room = newChatRoom();
  const request = openPost({ baseUrl: server().baseUrl, token: room.visitor });
  await request.write(openBody([filePart(elfFile(8192))]).subarray(0, -2));
  await expectNothing(await request.answer, 415, 'executable');
  request.abort();
});
