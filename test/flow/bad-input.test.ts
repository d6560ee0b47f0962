/** Bad input, by the table: each row has its answer, none is a 5xx, and nothing is left behind. */
import { connect } from 'node:net';
import { afterAll, describe, expect, test } from 'vitest';
import { bearer, listFiles, listUploads, shareFile, storedFiles } from '../services/chat-api.ts';
import { newChatRoom } from '../services/chat-room.ts';
import { chatdropForSuite } from '../services/chatdrop-suite.ts';
import { pngFile } from '../services/fixtures.ts';
import { recordSocket } from '../services/socket-recorder.ts';
import { create, encodeMetadata, head } from '../services/tus-wire.ts';
import { openRequest, send } from '../services/wire.ts';

const server = chatdropForSuite();
const room = newChatRoom();
const png = pngFile();

afterAll(async () => {
  const answer = await send({ method: 'GET', url: `${server().baseUrl}/readyz` });
  expect(answer.status).toBe(200);
});

describe('sizes', () => {
  const wrong = [
    '-1',
    '-0',
    'NaN',
    'Infinity',
    '1e3',
    '0x10',
    '0b1',
    '1.0',
    '1,000',
    '9007199254740992',
    '9007199254740993',
    '18446744073709551616',
    '1'.repeat(400),
    '',
    ' ',
    '+5',
    '5 5',
    '5;5',
    '٥',
    'null',
    'true',
    '[5]',
    '5\t6',
  ];
  test.each(wrong)('Upload-Length: %j is 400', async (length) => {
    await expectCreation({ 'upload-length': latin1(length) }, [400]);
  });
  test.each(['26214401', '1099511627776', '9007199254740991'])('Upload-Length: %s is 413', async (length) => {
    await expectCreation({ 'upload-length': length }, [413]);
  });
  test.each(['0', '2', '-1', 'yes', 'true', '1, 1', ''])('Upload-Defer-Length: %j is 400', async (value) => {
    await expectCreation({ 'upload-length': undefined, 'upload-defer-length': value }, [400]);
  });
  test('a length and a deferred one, or neither, is 400', async () => {
    await expectCreation({ 'upload-defer-length': '1' }, [400]);
    await expectCreation({ 'upload-length': undefined }, [400]);
  });
  test('two lengths are 400', async () => {
    const answer = await raw(
      `POST /api/chat/tus/ HTTP/1.1\r\n${headers()}Upload-Length: 5\r\nUpload-Length: 6\r\n\r\n`,
    );
    expect(answer).toMatch(/^HTTP\/1\.1 400 /);
  });
});

describe('metadata', () => {
  const wrong = [
    'filename !!!',
    'filename a b c',
    ' ,',
    ',',
    'filename YQ==,',
    ',filename YQ==',
    'filename YQ==,,type YQ==',
    'filename YQ==,filename Yg==',
    'filename  YQ==',
    'filename YQ=',
    'filename Y',
    'filename =',
    'filename "YQ=="',
    'filename YQ==;type YQ==',
  ];
  test.each(wrong)('%j is 400', async (metadata) => {
    await expectCreation({ 'upload-metadata': metadata }, [400]);
  });
  const fine = [
    'filename',
    'filename YQ==',
    '__proto__ YQ==',
    'constructor YQ==,toString YQ==',
    'hasOwnProperty',
    `x ${'A'.repeat(8000)}`,
    'filename /////w==',
    'filetype AAAA',
    'a=b',
    'filename\tYQ==',
  ];
  test.each(fine)('%j is taken for what it is', async (metadata) => {
    await expectCreation({ 'upload-metadata': metadata }, [201]);
  });
  test('20 kB is 431, and 10,000 keys are', async () => {
    await expectCreation({ 'upload-metadata': `filename ${'A'.repeat(20_000)}` }, [431]);
    await expectCreation({ 'upload-metadata': Array.from({ length: 10_000 }, (_, key) => `k${key}`).join(',') }, [431]);
  });
  test.each([
    ['a foreign company', { company_id: 'other' }, 403],
    ['a foreign session', { session_id: 'other' }, 403],
    ['a company of a wrong form', { company_id: '../x' }, 400],
    ['a session of a wrong form', { session_id: 'a b' }, 400],
    ['an empty session counts as none', { session_id: '' }, 201],
    ['a session of 65 characters', { session_id: 's'.repeat(65) }, 400],
    ['a file_key of 129 characters', { file_key: 'k'.repeat(129) }, 400],
    ['a sha256 that is none', { sha256: 'abc' }, 400],
    ['a sha256 with a line break', { sha256: `${'a'.repeat(64)}\n` }, 400],
    ['a type that is a program', { filetype: 'application/x-msdownload' }, 415],
    ['a type of 5,000 characters', { filetype: `text/${'x'.repeat(5000)}` }, 201],
    ['a type with a header in it', { filetype: 'text/plain\r\nX-Evil: 1' }, 201],
  ])('%s', async (_what, metadata, status) => {
    await expectCreation({ 'upload-metadata': encodeMetadata(metadata as Record<string, string>) }, [status as number]);
  });
});

describe('names', () => {
  const names: [string, string | RegExp][] = [
    ['../../etc/passwd.png', 'passwd.png'],
    ['..\\..\\boot.png', 'boot.png'],
    ['C:\\Users\\me\\photo.png', 'photo.png'],
    ['/absolute/photo.png', 'photo.png'],
    ['a\0b.png', 'ab.png'],
    ['a\r\nSet-Cookie: x=1.png', /^aSet-Cookie: x=1\.png$/],
    ['\u202Egnp.exe.png', 'gnp.exe.png'],
    ['a\u200Bb\uFEFF.png', 'ab.png'],
    ['\u001B[31mred\u001B[0m.png', /red/],
    ['CON', 'CON'],
    ['NUL.png', 'NUL.png'],
    ['...', 'file'],
    ['   ', 'file'],
    ['', 'file'],
    ['.', 'file'],
    ['photo.jpg.png', 'photo.jpg.png'],
    ['кот 🐈‍⬛ 猫.png', 'кот 🐈‍⬛ 猫.png'],
    ['e\u0301.png', '\u00E9.png'],
    [`${'x'.repeat(255)}.png`, /^x{1,251}\.png$/],
    [`${'x'.repeat(5000)}.png`, /^x{1,251}\.png$/],
    ['"quoted"; filename="evil.html".png', /png$/],
    ['%2e%2e%2fx.png', '%2e%2e%2fx.png'],
    ['<script>alert(1)</script>.png', /png$/],
    ["'; drop table chat_files; --.png", /png$/],
  ];
  test.each(names)('%j', async (name, expected) => {
    const own = newChatRoom();
    const created = await create({
      baseUrl: server().baseUrl,
      token: own.visitor,
      body: png,
      metadata: { filename: name },
    });
    expect(created.status).toBe(201);
    const [file] = (await listFiles(server().baseUrl, own)).files;
    expect(file?.name).toEqual(typeof expected === 'string' ? expected : expect.stringMatching(expected));
    const content = await send({ method: 'GET', url: String(file?.url) });
    expect([content.status, content.body.equals(png)]).toEqual([200, true]);
    expect(content.headers['set-cookie']).toBeUndefined();
    expect(
      (await storedFiles(server().dataDir)).every((path) =>
        /\/media\/chat\/[\w-]+\/[\w-]+\/[\w-]{22}(\.[a-z0-9]+)?$/.test(path),
      ),
    ).toBe(true);
  });
});

describe('ids and paths', () => {
  const ids = [
    'x',
    '..',
    '.',
    '..%2f..%2fetc',
    '%00',
    '%',
    '%zz',
    '%ff%fe',
    '%e0%a4%a',
    'a'.repeat(4096),
    'AAAAAAAAAAAAAAAAAAAAAA',
    '__proto__',
    'constructor',
    '1',
    '-1',
    '0',
    '9007199254740993',
    '1e3',
    "1'or'1'='1",
    '1%20',
    '%31',
    '*',
    '{id}',
    'null',
  ];
  test.each(ids)('upload %s is 404 or 400 on every verb', async (id) => {
    for (const method of ['HEAD', 'PATCH', 'DELETE']) {
      const answer = await send({
        method,
        url: `${server().baseUrl}/api/chat/tus/${id}`,
        headers: { ...tus(), 'upload-offset': '0', 'content-type': 'application/offset+octet-stream' },
      });
      expect([400, 404, 405, 414, 431]).toContain(answer.status);
    }
  });
  test.each(ids.filter((id) => id !== '1' && id !== '%31'))('file %s is 404 or 400 on every verb', async (id) => {
    for (const [method, tail] of [
      ['GET', ''],
      ['DELETE', ''],
      ['GET', '/content'],
    ] as const) {
      const answer = await send({
        method,
        url: `${server().baseUrl}/api/chat/files/${id}${tail}`,
        headers: bearer(room.visitor),
      });
      expect([400, 404, 405, 414, 431]).toContain(answer.status);
    }
  });
  test.each([
    '/media/../../etc/passwd',
    '/media/..%2f..%2fetc%2fpasswd',
    '/media/chat/c/s/x',
    '/media/',
    '/media/%00',
    '/media/.incoming/x',
    '/media/instance.lock',
    '/widget/../package.json',
    '/widget/..%2fpackage.json',
    '/widget/%00',
    '//evil.example/x',
    '/%2e%2e/%2e%2e/etc/passwd',
  ])('%s gives nothing away', async (path) => {
    const answer = await send({ method: 'GET', url: `${server().baseUrl}${path}` });
    expect([400, 403, 404]).toContain(answer.status);
    expect(answer.body.toString()).not.toMatch(/root:|"dependencies"/);
  });
  test.each([
    'limit=0',
    'limit=-1',
    'limit=201',
    'limit=1e9',
    'limit=x',
    'limit=1&limit=2',
    'cursor=x',
    'cursor=%00',
    `cursor=${'a'.repeat(101)}`,
    'uploader=admin',
    `q=${'x'.repeat(256)}`,
    `mime_type=${'x'.repeat(128)}`,
    'company_id=..',
    'session_id=%00',
  ])('the list with ?%s is 400', async (query) => {
    const answer = await send({
      method: 'GET',
      url: `${server().baseUrl}/api/chat/files/?${query}`,
      headers: bearer(room.visitor),
    });
    expect(answer.status).toBe(400);
  });
});

describe('methods', () => {
  test.each(['PUT', 'TRACE', 'PROPFIND', 'LOCK', 'SEARCH', 'PURGE'])('%s is 405 or 404 everywhere', async (method) => {
    for (const path of ['/api/chat/tus/', '/api/chat/files/', '/api/chat/files/1', '/healthz', '/']) {
      const answer = await send({ method, url: server().baseUrl + path, headers: bearer(room.visitor) });
      expect([404, 405]).toContain(answer.status);
    }
  });
  test.each(['post', 'Patch', 'BREW', 'GET\0'])('%j on the wire is 400, 404 or 405', async (method) => {
    expect(await raw(`${method} /api/chat/tus/ HTTP/1.1\r\n${headers()}\r\n`)).toMatch(/^HTTP\/1\.1 40[045] /);
  });
});

describe('framing', () => {
  const post = `POST /api/chat/tus/ HTTP/1.1\r\n`;
  const rows: [string, string][] = [
    [
      'a length and a transfer coding',
      `${post}${headers()}Upload-Length: 5\r\nContent-Type: application/offset+octet-stream\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n`,
    ],
    [
      'two lengths that differ',
      `${post}${headers()}Upload-Length: 5\r\nContent-Length: 5\r\nContent-Length: 6\r\n\r\nhello`,
    ],
    ['a negative length', `${post}${headers()}Upload-Length: 5\r\nContent-Length: -5\r\n\r\n`],
    ['a length that is no number', `${post}${headers()}Upload-Length: 5\r\nContent-Length: five\r\n\r\n`],
    ['an unknown transfer coding', `${post}${headers()}Upload-Length: 5\r\nTransfer-Encoding: xchunked\r\n\r\n`],
    [
      'a chunk size that is none',
      `${post}${headers()}Upload-Length: 5\r\nContent-Type: application/offset+octet-stream\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\nhello\r\n`,
    ],
    ['a header name with a space', `${post}${headers()}Upload Length: 5\r\n\r\n`],
    ['a header with a NUL', `${post}${headers()}X-A: a\0b\r\n\r\n`],
    ['a folded header', `${post}${headers()}X-A: a\r\n b\r\n\r\n`],
    ['bare line feeds', `${post}${headers()}Upload-Length: 5\n\n`],
    ['two Hosts', `GET /healthz HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n`],
    ['no Host', `GET /healthz HTTP/1.1\r\n\r\n`],
    ['an unknown version', `GET /healthz HTTP/9.9\r\nHost: a\r\n\r\n`],
    ['no HTTP at all', `hello\r\n\r\n`],
    ['TLS on a plain port', '\x16\x03\x01\x02\0\x01\0\x01\xfc\x03\x03'],
  ];
  test.each(rows)('%s is 400, or a connection that ends', async (_what, text) => {
    expect(await raw(text)).toMatch(/^(HTTP\/1\.1 (400|505|431) |$)/);
  });
});

describe('sockets', () => {
  const bad: [string, unknown][] = [
    ['seq -1', { after: -1 }],
    ['seq 2^53', { after: 2 ** 53 }],
    ['seq as a text', { after: '5' }],
    ['a foreign session', { session_id: 'other' }],
    ['a foreign company', { company_id: 'other' }],
    ['a session that is an object', { session_id: { $ne: null } }],
    ['a token that is an object', { token: { a: 1 } }],
    ['a token of 100 kB', { token: 'a'.repeat(100_000) }],
  ];
  test.each(bad)('a handshake with %s is refused', async (_what, auth) => {
    const recorder = recordSocket({ baseUrl: server().baseUrl, auth: { token: room.visitor, ...(auth as object) } });
    const { name } = await recorder.waitFor((event) => ['connect_error', 'disconnect'].includes(event.name));
    expect(['connect_error', 'disconnect']).toContain(name);
    expect(recorder.payloads('file_list')).toEqual([]);
    recorder.close();
  });

  test('events of the server that a client sends go nowhere', async () => {
    const own = newChatRoom();
    const [victim, attacker] = [own.agent, own.visitor].map((token) =>
      recordSocket({ baseUrl: server().baseUrl, auth: { token, session_id: own.session } }),
    );
    await victim?.waitForEvent('connection_established');
    await attacker?.waitForEvent('connection_established');
    for (const name of [
      'file_shared',
      'file_removed',
      'upload_progress',
      'connection_established',
      'error',
      '__proto__',
    ])
      attacker?.socket.emit(name, { id: 1, session_id: own.session });
    await attacker?.socket.timeout(60_000).emitWithAck('request_file_list', {});
    const file = await shareFile({ baseUrl: server().baseUrl, room: own, body: png });
    await victim?.waitForEvent('file_shared');
    expect(victim?.payloads('file_shared').map(({ id }) => id)).toEqual([file.id]);
    expect(victim?.payloads('file_removed')).toEqual([]);
    victim?.close();
    attacker?.close();
  });

  test('a message of 1 MB, a binary one, and 10,000 messages end the one connection and harm no other', async () => {
    const own = newChatRoom();
    const calm = recordSocket({ baseUrl: server().baseUrl, auth: { token: own.agent, session_id: own.session } });
    await calm.waitForEvent('connection_established');
    for (const flood of [
      (socket: { emit(name: string, data: unknown): void }) => socket.emit('join', 'x'.repeat(1_000_000)),
      (socket: { emit(name: string, data: unknown): void }) => {
        for (let count = 0; count < 10_000; count += 1) socket.emit('request_file_list', {});
      },
    ]) {
      const loud = recordSocket({ baseUrl: server().baseUrl, auth: { token: own.visitor } });
      await loud.waitForEvent('connection_established');
      flood(loud.socket);
      await loud.waitForEvent('disconnect');
      loud.close();
    }
    const binary = recordSocket({ baseUrl: server().baseUrl, auth: { token: own.visitor } });
    await binary.waitForEvent('connection_established');
    binary.socket.emit('join', Buffer.alloc(100));
    await binary.waitForEvent('error');
    binary.close();
    const file = await shareFile({ baseUrl: server().baseUrl, room: own, body: png });
    const { payload } = await calm.waitForEvent('file_shared');
    expect(payload.id).toBe(file.id);
    calm.close();
  });
});

/** A creation with these headers in the place of good ones; whatever is not 201 leaves neither upload nor byte. */
async function expectCreation(over: Record<string, string | undefined>, statuses: number[]): Promise<void> {
  const own = newChatRoom();
  const before = await storedFiles(server().dataDir);
  const opened = openRequest({
    method: 'POST',
    url: `${server().baseUrl}/api/chat/tus/`,
    headers: { ...tus(own.visitor), 'upload-length': '5', ...over },
  });
  opened.end();
  const answer = await opened.answer;
  expect(statuses).toContain(answer.status);
  expect(await listUploads(server().baseUrl, own)).toHaveLength(answer.status === 201 ? 1 : 0);
  if (answer.status === 201) {
    const location = new URL(String(answer.headers.location), server().baseUrl).href;
    expect((await head(location, own.visitor)).headers['upload-metadata']).toBe(over['upload-metadata'] || undefined);
  }
  expect(await storedFiles(server().dataDir)).toEqual(before);
}

function tus(token = room.visitor): Record<string, string | undefined> {
  return { ...bearer(token), 'tus-resumable': '1.0.0' };
}

function headers(): string {
  return `Host: 127.0.0.1\r\nAuthorization: Bearer ${room.visitor}\r\nTus-Resumable: 1.0.0\r\n`;
}

/** Header values are bytes on the wire; Node takes them as Latin-1. */
function latin1(value: string): string {
  return Buffer.from(value).toString('latin1');
}

/** Whatever the server says to these bytes until it closes or stays silent; '' for nothing. */
function raw(text: string): Promise<string> {
  return new Promise((resolve) => {
    let answer = '';
    const socket = connect(server().port, '127.0.0.1', () => socket.write(Buffer.from(text, 'latin1')));
    socket.on('data', (data) => {
      answer += data.toString('latin1');
      // A connection that the server keeps open after its answer has said all it has to say.
      socket.setTimeout(1000);
    });
    socket.on('error', () => undefined);
    socket.on('close', () => resolve(answer));
    socket.setTimeout(60_000, () => socket.destroy());
  });
}
