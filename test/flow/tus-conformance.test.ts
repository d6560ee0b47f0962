/** tus 1.0.0, sentence by sentence: each test is named by the sentence of the specification that it holds the server to. */
import { createHash } from 'node:crypto';
import { Readable } from 'node:stream';
import { setTimeout as pause } from 'node:timers/promises';
import { createCRC32 } from 'hash-wasm';
import { describe, expect, test } from 'vitest';
import { get, listFiles, listUploads } from '../services/chat-api.ts';
import { newChatRoom } from '../services/chat-room.ts';
import { chatdropForSuite } from '../services/chatdrop-suite.ts';
import { eventually } from '../services/eventually.ts';
import { pngFile } from '../services/fixtures.ts';
import { recordSocket } from '../services/socket-recorder.ts';
import { agentToken } from '../services/tokens.ts';
import {
  create,
  encodeMetadata,
  fileIdOf,
  head,
  offsetOf,
  openPatch,
  patch,
  TUS_PATH,
  terminate,
} from '../services/tus-wire.ts';
import { openRequest, send, type WireAnswer } from '../services/wire.ts';

const server = chatdropForSuite();
const MAX_BYTES = 25 * 1024 * 1024;
const OFFSET_TYPE = 'application/offset+octet-stream';
const FILE = pngFile({ bytes: 1000 });

describe('core: headers', () => {
  test('“Upload-Offset […] The value MUST be a non-negative integer.”', async () => {
    const { url, token } = await half();
    for (const value of ['-1', 'abc', '0.5', '1e3', '0x1F4', '+500', ' ', '500, 500', '9'.repeat(30)]) {
      const answer = await patch({ url, token, offset: 0, body: rest(), headers: { 'upload-offset': value } });
      expect([value, answer.status]).toEqual([value, 400]);
    }
    const without = await patch({ url, token, offset: 0, body: rest(), headers: { 'upload-offset': undefined } });
    expect([without.status, offsetOf(await head(url, token))]).toEqual([400, 500]);
  });

  test('“Upload-Length […] The value MUST be a non-negative integer.”', async () => {
    const { visitor } = newChatRoom();
    for (const value of ['-1', 'ten', '1.5', '1e3', '0x10', ' ', '9'.repeat(30)]) {
      const created = await post(visitor, { 'upload-length': value });
      expect([value, created.status, created.headers.location]).toEqual([value, 400, undefined]);
    }
  });

  test('“The Tus-Version response header MUST be a comma-separated list of protocol versions supported by the Server.”', async () => {
    expect((await options()).headers['tus-version']).toBe('1.0.0');
  });

  test('“The Tus-Resumable header MUST be included in every request and response except for OPTIONS requests.”', async () => {
    const { url, token } = await half();
    const answers = [
      await post(token, { 'upload-length': '10' }),
      await post(token, {}),
      await post(undefined, { 'upload-length': '10' }),
      await head(url, token),
      await head(url),
      await head(`${url}x`, token),
      await patch({ url, token, offset: 7, body: rest() }),
      await call('GET', url, token),
      await call('PUT', url, token),
      await call('GET', collection(), token),
      await terminate(url, token),
      await head(url, token),
    ];
    expect(answers.map(({ status }) => status)).toEqual([201, 400, 401, 200, 401, 404, 409, 405, 405, 405, 204, 410]);
    expect(new Set(answers.map(({ headers }) => headers['tus-resumable']))).toEqual(new Set(['1.0.0']));
  });

  test.each(['0.2.2', '2.0.0', '1.0', 'x', '', undefined])(
    '“If the version specified by the Client is not supported by the Server, it MUST respond with the 412 Precondition Failed status and MUST include the Tus-Version header […] the Server MUST NOT process the request”: %s',
    async (version) => {
      const { url, token } = await half();
      const headers = { 'tus-resumable': version };
      const answers = [
        await post(token, { ...headers, 'upload-length': '10' }),
        await head(url, token, headers),
        await patch({ url, token, offset: 500, body: rest(), headers }),
        await terminate(url, token, headers),
      ];
      expect(answers.map(({ status }) => status)).toEqual([412, 412, 412, 412]);
      expect(new Set(answers.map((answer) => answer.headers['tus-version']))).toEqual(new Set(['1.0.0']));
      expect(offsetOf(await head(url, token))).toBe(500);
    },
  );

  test('“The Tus-Extension response header MUST be a comma-separated list of the extensions supported by the Server.”', async () => {
    expect(extensionsOf(await options())).toEqual([
      'creation',
      'creation-with-upload',
      'creation-defer-length',
      'expiration',
      'termination',
      'checksum',
      'checksum-trailer',
      'concatenation',
      'concatenation-unfinished',
    ]);
  });

  test('“The Tus-Max-Size response header MUST be a non-negative integer […] The Server SHOULD set this header if there is a known hard limit.”', async () => {
    expect((await options()).headers['tus-max-size']).toBe(String(MAX_BYTES));
  });

  test('“X-HTTP-Method-Override […] MUST be interpreted as the request’s method by the Server, if the header is presented. The actual method of the request MUST be ignored.”', async () => {
    const { url, token } = await half();
    const patched = await call('POST', url, token, { ...patchHeaders(500), 'x-http-method-override': 'PATCH' }, rest());
    expect([patched.status, offsetOf(patched)]).toEqual([204, 1000]);
    const stood = await call('POST', url, token, { 'x-http-method-override': 'HEAD' });
    expect([stood.status, offsetOf(stood), stood.body.length]).toEqual([200, 1000, 0]);
    const refused = await call('POST', `${url}x`, token, { 'x-http-method-override': 'HEAD' });
    expect([refused.status, refused.body.length > 0]).toEqual([404, true]);
    const unknown = await call('PATCH', url, token, { 'x-http-method-override': 'BREW' });
    expect(unknown.status).toBe(405);
    const ended = await call('PATCH', url, token, { 'x-http-method-override': 'DELETE' });
    expect([ended.status, (await head(url, token)).status]).toEqual([204, 410]);
  });

  test('X-HTTP-Method-Override on the collection: POST makes an upload, OPTIONS tells what is offered', async () => {
    const { visitor } = newChatRoom();
    const headers = { 'x-http-method-override': 'POST', 'upload-length': '10' };
    const created = await call('PUT', collection(), visitor, headers);
    expect([created.status, created.headers.location]).toEqual([201, expect.stringContaining(TUS_PATH)]);
    const told = await call('POST', collection(), undefined, { 'x-http-method-override': 'OPTIONS' });
    expect([told.status, told.headers['tus-version']]).toEqual([200, '1.0.0']);
    expect((await call('POST', collection(), visitor, { 'x-http-method-override': 'PATCH' })).status).toBe(405);
  });
});

describe('core: HEAD', () => {
  test('“The Server MUST always include the Upload-Offset header […] even if the offset is 0, or the upload is already considered completed.”', async () => {
    const { url, token } = await upload();
    const at0 = await head(url, token);
    await patch({ url, token, offset: 0, body: FILE });
    const at1000 = await head(url, token);
    expect([at0, at1000].map((answer) => [answer.status, offsetOf(answer)])).toEqual([
      [200, 0],
      [200, 1000],
    ]);
  });

  test('“If the size of the upload is known, the Server MUST include the Upload-Length header in the response.”', async () => {
    const { url, token } = await half();
    expect((await head(url, token)).headers['upload-length']).toBe('1000');
  });

  test('“If the resource is not found, the Server SHOULD return either the 404 Not Found, 410 Gone or 403 Forbidden status without the Upload-Offset header.”', async () => {
    const { url, token } = await half();
    const never = await head(`${collection()}${'x'.repeat(22)}`, token);
    await terminate(url, token);
    const ended = await head(url, token);
    expect([never, ended].map(({ status, headers }) => [status, headers['upload-offset']])).toEqual([
      [404, undefined],
      [410, undefined],
    ]);
  });

  test('“The Server MUST prevent the client and/or proxies from caching the response by adding the Cache-Control: no-store header”', async () => {
    const { url, token } = await half();
    expect((await head(url, token)).headers['cache-control']).toBe('no-store');
    expect((await head(`${url}x`, token)).headers['cache-control']).toBe('no-store');
  });
});

describe('core: PATCH', () => {
  test('“The Server SHOULD accept PATCH requests against any upload URL and apply the bytes contained in the message at the given offset”', async () => {
    const { url, token } = await half();
    const patched = await patch({ url, token, offset: 500, body: rest() });
    expect(patched.status).toBe(204);
    expect(await contentOf(fileIdOf(patched), token)).toEqual(FILE);
  });

  test.each([undefined, 'application/octet-stream', 'text/plain', 'application/offset'])(
    '“All PATCH requests MUST use Content-Type: application/offset+octet-stream, otherwise the server SHOULD return a 415”: %s',
    async (type) => {
      const { url, token } = await half();
      const answer = await patch({ url, token, offset: 500, body: rest(), headers: { 'content-type': type } });
      expect([answer.status, offsetOf(await head(url, token))]).toEqual([415, 500]);
    },
  );

  test.each([0, 499, 501, 1000, 5_000_000_000])(
    '“If the offsets do not match, the Server MUST respond with the 409 Conflict status without modifying the upload resource.” %i instead of 500',
    async (at) => {
      const { url, token } = await half();
      const answer = await patch({ url, token, offset: at, body: rest() });
      expect([answer.status, offsetOf(answer)]).toEqual([409, 500]);
      expect(offsetOf(await head(url, token))).toBe(500);
    },
  );

  test('“The Client […] MAY also use multiple small requests successively”', async () => {
    const { url, token } = await upload();
    let last: WireAnswer | undefined;
    for (let at = 0; at < 1000; at += 100)
      last = await patch({ url, token, offset: at, body: FILE.subarray(at, at + 100) });
    expect(await contentOf(fileIdOf(last as WireAnswer), token)).toEqual(FILE);
  });

  test('“The Server MUST acknowledge successful PATCH requests with the 204 No Content status. It MUST include the Upload-Offset header containing the new offset […] the sum of the offset before […] and the number of bytes received”', async () => {
    const { url, token } = await half();
    const patched = await patch({ url, token, offset: 500, body: FILE.subarray(500, 701) });
    expect([patched.status, offsetOf(patched), patched.body.length]).toEqual([204, 701, 0]);
    const empty = await patch({ url, token, offset: 701, body: Buffer.alloc(0) });
    expect([empty.status, offsetOf(empty)]).toEqual([204, 701]);
  });

  test('“If the server receives a PATCH request against a non-existent resource it SHOULD return a 404 Not Found status.”', async () => {
    const { visitor } = newChatRoom();
    for (const id of ['nothing', 'x'.repeat(22), 'a%2Fb', '..%2F..%2Fetc%2Fpasswd', '%00']) {
      const url = `${collection()}${id}`;
      expect((await patch({ url, token: visitor, offset: 0, body: rest() })).status).toBe(404);
    }
  });

  test('“The Server SHOULD always attempt to store as much of the received data as possible.”', async () => {
    // So large that it is told of while it comes: then the server has begun to take it, and it may end.
    const file = pngFile({ bytes: 200_000 });
    const { url, token, room } = await upload(file);
    await patch({ url, token, offset: 0, body: file.subarray(0, 100_000) });
    const agent = recordSocket({ baseUrl: server().baseUrl, auth: { token: room.agent, session_id: room.session } });
    await agent.waitForEvent('connection_established');
    const cut = openPatch({ url, token, offset: 100_000, length: 100_000 });
    await cut.write(file.subarray(100_000, 160_000));
    await agent.waitFor(({ name, payload }) => name === 'upload_progress' && payload.offset > 100_000);
    agent.close();
    cut.leave();
    await cut.answer.catch(() => undefined);
    await eventually('all 60,000 bytes are stored', async () => offsetOf(await head(url, token)) === 160_000);
  });

  test('more bytes than announced do not get in', async () => {
    const { url, token } = await half();
    const answer = await patch({ url, token, offset: 500, body: Buffer.alloc(600) });
    expect([answer.status, offsetOf(await head(url, token))]).toEqual([413, 500]);
  });
});

describe('core: OPTIONS', () => {
  test('“A successful response indicated by the 204 No Content or 200 OK status MUST contain the Tus-Version header. It MAY include the Tus-Extension and Tus-Max-Size headers.”', async () => {
    for (const url of [collection(), collection().slice(0, -1), `${collection()}${'x'.repeat(22)}`]) {
      const { status, headers } = await send({ method: 'OPTIONS', url });
      expect([status, headers['tus-version'], headers['tus-max-size']]).toEqual([200, '1.0.0', String(MAX_BYTES)]);
      expect(headers['tus-extension']).toContain('creation');
    }
  });

  test('“The Client SHOULD NOT include the Tus-Resumable header in the request and the Server MUST ignore the header.”', async () => {
    expect((await options({ 'tus-resumable': '0.0.1' })).status).toBe(200);
  });
});

describe('creation', () => {
  test('“If the Server supports this extension, it MUST add creation to the Tus-Extension header.”', async () => {
    expect(extensionsOf(await options())).toContain('creation');
  });

  test('“The Server MUST acknowledge a successful upload creation with the 201 Created status. The Server MUST set the Location header […] absolute or relative.”', async () => {
    const { visitor } = newChatRoom();
    const created = await post(visitor, { 'upload-length': '100' });
    expect([created.status, created.headers.location]).toEqual([
      201,
      expect.stringMatching(/^\/api\/chat\/tus\/[\w-]+$/),
    ]);
  });

  test('“The new resource has an implicit offset of 0”', async () => {
    const { url, token } = await upload();
    expect(offsetOf(await head(url, token))).toBe(0);
  });

  test('“The request MUST include one of the following headers: a) Upload-Length […] b) Upload-Defer-Length: 1”', async () => {
    const { visitor } = newChatRoom();
    expect((await post(visitor, {})).status).toBe(400);
    expect((await post(visitor, { 'upload-length': '1', 'upload-defer-length': '1' })).status).toBe(400);
  });

  test('“The Upload-Length header MAY be set to 0 […] Such an upload is immediately complete after its creation”', async () => {
    const room = newChatRoom();
    const created = await create({ baseUrl: server().baseUrl, token: room.visitor, length: 0 });
    expect(created.status).toBe(201);
    expect(offsetOf(await head(created.url, room.visitor))).toBe(0);
    expect((await listFiles(server().baseUrl, room)).files).toMatchObject([{ id: fileIdOf(created), size: 0 }]);
  });

  test('“Upload-Metadata […] responses to HEAD requests MUST include the Upload-Metadata header and its value as specified by the Client during the creation.”', async () => {
    const { visitor } = newChatRoom();
    const odd = 'filename w4wucG5n,empty,empty2 ,file_key aw==,__proto__ YQ==,constructor YQ==';
    for (const metadata of [encodeMetadata({ filename: 'Ünï 写.png', filetype: 'image/png' }), odd]) {
      const created = await post(visitor, { 'upload-length': '10', 'upload-metadata': metadata });
      expect([metadata, created.status]).toEqual([metadata, 201]);
      const answer = await head(server().baseUrl + created.headers.location, visitor);
      expect(answer.headers['upload-metadata']).toBe(metadata);
    }
  });

  test.each([
    ['filename %%%', 'the value MUST be Base64 encoded'],
    ['filename a b', 'The key and value MUST be separated by a space'],
    [',filename YQ==', 'The key MUST NOT […] be empty'],
    ['filename YQ==,filename Yg==', 'All keys MUST be unique'],
  ])('“Upload-Metadata”: %s is refused (“%s”)', async (metadata) => {
    const { visitor } = newChatRoom();
    expect((await post(visitor, { 'upload-length': '10', 'upload-metadata': metadata })).status).toBe(400);
  });

  test('“If the length of the upload exceeds the maximum […] the Server MUST respond with the 413 Request Entity Too Large status.”', async () => {
    const { visitor } = newChatRoom();
    expect((await post(visitor, { 'upload-length': String(MAX_BYTES + 1) })).status).toBe(413);
    expect((await post(visitor, { 'upload-length': String(MAX_BYTES) })).status).toBe(201);
  });
});

describe('creation-defer-length', () => {
  test('“If the Server supports deferring length, it MUST add creation-defer-length to the Tus-Extension header.”', async () => {
    expect(extensionsOf(await options())).toContain('creation-defer-length');
  });

  test.each(['0', '2', 'true', ''])(
    '“If the Upload-Defer-Length header contains any other value than 1 the server should return a 400”: %s',
    async (value) => {
      const { visitor } = newChatRoom();
      expect((await post(visitor, { 'upload-defer-length': value })).status).toBe(400);
    },
  );

  test('“As long as the length of the upload is not known, the Server MUST set Upload-Defer-Length: 1 in all responses to HEAD requests.”', async () => {
    const { url, token } = await deferred();
    for (const at of [0, 100]) {
      const { headers } = await head(url, token);
      expect([headers['upload-defer-length'], headers['upload-length']]).toEqual(['1', undefined]);
      await patch({ url, token, offset: at, body: FILE.subarray(at, at + 100) });
    }
  });

  test('“the Client MUST set the Upload-Length header in the next PATCH request, once the length is known”, and “If the length of an upload is not deferred, this header MUST be omitted.”', async () => {
    const { url, token } = await deferred();
    await patch({ url, token, offset: 0, body: FILE.subarray(0, 500), headers: { 'upload-length': '1000' } });
    const { headers } = await head(url, token);
    expect([headers['upload-defer-length'], headers['upload-length']]).toEqual([undefined, '1000']);
    const last = await patch({ url, token, offset: 500, body: rest() });
    expect(await contentOf(fileIdOf(last), token)).toEqual(FILE);
  });

  test('“Once set the length MUST NOT be changed.”', async () => {
    const { url, token } = await half();
    const answer = await patch({ url, token, offset: 500, body: rest(), headers: { 'upload-length': '2000' } });
    expect(answer.status).toBe(400);
    const { headers } = await head(url, token);
    expect([headers['upload-length'], headers['upload-offset']]).toEqual(['1000', '500']);
  });

  test('a length that is less than what has arrived is refused', async () => {
    const { url, token } = await deferred();
    await patch({ url, token, offset: 0, body: FILE.subarray(0, 500) });
    const empty = Buffer.alloc(0);
    const answer = await patch({ url, token, offset: 500, body: empty, headers: { 'upload-length': '400' } });
    expect([answer.status, (await head(url, token)).headers['upload-defer-length']]).toEqual([400, '1']);
  });
});

describe('creation-with-upload', () => {
  test('“If the Server supports this extension, it MUST advertise this by including creation-with-upload in the Tus-Extension header.”', async () => {
    expect(extensionsOf(await options())).toContain('creation-with-upload');
  });

  test('“The Client MAY include either the entirety or a chunk of the upload data in the body of the POST request.”', async () => {
    const { visitor } = newChatRoom();
    const whole = await create({ baseUrl: server().baseUrl, token: visitor, body: FILE });
    const part = await create({ baseUrl: server().baseUrl, token: visitor, length: 1000, body: FILE.subarray(0, 10) });
    expect([whole, part].map((answer) => [answer.status, offsetOf(answer)])).toEqual([
      [201, 1000],
      [201, 10],
    ]);
    expect(await contentOf(fileIdOf(whole), visitor)).toEqual(FILE);
  });

  test('“The Client MUST include the Content-Type: application/offset+octet-stream header.”', async () => {
    const room = newChatRoom();
    const headers = { 'content-type': 'image/png' };
    const created = await create({ baseUrl: server().baseUrl, token: room.visitor, body: FILE, headers });
    expect([created.status, created.headers.location]).toEqual([415, undefined]);
    expect(await listUploads(server().baseUrl, room)).toEqual([]);
  });

  test('“The Server […] MUST include the Upload-Offset header in the response and MUST set its value to the offset of the upload after applying the accepted bytes.”', async () => {
    const { url, token } = await half();
    expect(offsetOf(await head(url, token))).toBe(500);
  });

  test('“the Client SHOULD include the Expect: 100-continue header in the request to receive early feedback”', async () => {
    const { visitor } = newChatRoom();
    const opened = openRequest({
      method: 'POST',
      url: collection(),
      headers: {
        ...base(visitor),
        'upload-length': '1000',
        'content-type': OFFSET_TYPE,
        'content-length': '1000',
        expect: '100-continue',
      },
    });
    opened.request.on('continue', () => opened.request.end(FILE));
    opened.request.flushHeaders();
    expect(offsetOf(await opened.answer)).toBe(1000);
  });
});

describe('expiration', () => {
  test('“the Server MUST add expiration to the Tus-Extension header”', async () => {
    expect(extensionsOf(await options())).toContain('expiration');
  });

  test('“This header MUST be included in every PATCH response if the upload is going to expire. If the expiration is known at the creation, the Upload-Expires header MUST be included in the response to the initial POST request.”', async () => {
    const { visitor: token } = newChatRoom();
    const created = await create({ baseUrl: server().baseUrl, token, length: 1000 });
    const patched = await patch({ url: created.url, token, offset: 0, body: FILE.subarray(0, 10) });
    for (const answer of [created, patched, await head(created.url, token)]) expectExpiry(answer);
    const last = await patch({ url: created.url, token, offset: 10, body: FILE.subarray(10) });
    expect(last.headers['upload-expires']).toBeUndefined();
  });

  test('“The value of the Upload-Expires header MUST be in RFC 9110 datetime format.”', async () => {
    const { url, token } = await half();
    const expires = String((await head(url, token)).headers['upload-expires']);
    expect(new Date(expires).toUTCString()).toBe(expires);
  });
});

describe('expiration: an upload whose time is over', () => {
  const shortLived = chatdropForSuite({ env: { UPLOAD_EXPIRY: '1s' } });

  test('“If a Client does attempt to resume an upload which has since been removed […] 410 Gone […] SHOULD be used if the Server is keeping track of expired uploads.”', async () => {
    const { visitor: token } = newChatRoom();
    const created = await create({ baseUrl: shortLived().baseUrl, token, length: 1000 });
    await pause(1100);
    // A start looks for what has expired.
    await shortLived().restart();
    const answers = [await head(created.url, token), await patch({ url: created.url, token, offset: 0, body: FILE })];
    expect(answers.map(({ status }) => status)).toEqual([410, 410]);
  });
});

describe('checksum', () => {
  test('“If supported, the Server MUST add checksum to the Tus-Extension header […] Tus-Checksum-Algorithm […] MUST be included in the response to an OPTIONS request […] a comma-separated list”', async () => {
    const answer = await options();
    expect(extensionsOf(answer)).toContain('checksum');
    expect(answer.headers['tus-checksum-algorithm']).toBe('sha1,sha256,md5,crc32c');
  });

  test.each(['sha1', 'sha256', 'md5', 'crc32c'])('“204 No Content if the checksums match”: %s', async (algorithm) => {
    const { url, token } = await half();
    const first = FILE.subarray(500, 800);
    const headers = { 'upload-checksum': await checksum(algorithm, first) };
    const patched = await patch({ url, token, offset: 500, body: first, headers });
    expect([patched.status, offsetOf(patched)]).toEqual([204, 800]);
    const lastHeaders = { 'upload-checksum': await checksum(algorithm, FILE.subarray(800)) };
    const last = await patch({ url, token, offset: 800, body: FILE.subarray(800), headers: lastHeaders });
    expect(await contentOf(fileIdOf(last), token)).toEqual(FILE);
  });

  test.each(['sha1', 'sha256', 'md5', 'crc32c'])(
    '“460 Checksum Mismatch […] the uploaded chunk MUST be discarded, and the upload and its offset MUST NOT be updated”: %s',
    async (algorithm) => {
      const { url, token } = await half();
      const headers = { 'upload-checksum': await checksum(algorithm, FILE) };
      const answer = await patch({ url, token, offset: 500, body: rest(), headers });
      expect([answer.status, offsetOf(await head(url, token))]).toEqual([460, 500]);
      const again = await patch({ url, token, offset: 500, body: rest() });
      expect(await contentOf(fileIdOf(again), token)).toEqual(FILE);
    },
  );

  test.each([
    'sha512 YQ==',
    'SHA1 Kq5sNclPz7QV2+lfQIuc6R7oRu0=',
    'crc32 YWJjZA==',
    'sha1',
    'sha1 ',
    'sha1  x',
    'sha1 ***',
    'sha1 YQ==',
    '',
  ])(
    '“400 Bad Request if the checksum algorithm is not supported by the server”, or the value is none: %s',
    async (value) => {
      const { url, token } = await half();
      const answer = await patch({ url, token, offset: 500, body: rest(), headers: { 'upload-checksum': value } });
      expect([answer.status, offsetOf(await head(url, token))]).toEqual([400, 500]);
    },
  );

  test('a flipped bit in the first bytes is not taken for the file’s type', async () => {
    const { url, token } = await upload();
    const flipped = Buffer.from(FILE);
    flipped[1] = 0;
    const headers = { 'upload-checksum': await checksum('sha1', FILE) };
    expect((await patch({ url, token, offset: 0, body: flipped, headers })).status).toBe(460);
    expect((await patch({ url, token, offset: 0, body: FILE, headers })).status).toBe(204);
  });

  test('a forbidden file is refused by its bytes, with a checksum too', async () => {
    const { url, token } = await upload(Buffer.alloc(5000, 'x'));
    const body = Buffer.alloc(5000, '<!DOCTYPE html><html>');
    const headers = { 'upload-checksum': await checksum('sha256', body) };
    expect((await patch({ url, token, offset: 0, body, headers })).status).toBe(415);
    expect((await head(url, token)).status).toBe(410);
  });

  test('on a creation with a body: a match counts, a mismatch makes nothing', async () => {
    const room = newChatRoom();
    const good = { 'upload-checksum': await checksum('md5', FILE) };
    const bad = { 'upload-checksum': await checksum('md5', rest()) };
    const wrong = await create({ baseUrl: server().baseUrl, token: room.visitor, body: FILE, headers: bad });
    expect([wrong.status, wrong.headers.location]).toEqual([460, undefined]);
    expect(await listUploads(server().baseUrl, room)).toEqual([]);
    const right = await create({ baseUrl: server().baseUrl, token: room.visitor, body: FILE, headers: good });
    expect([right.status, offsetOf(right)]).toEqual([201, 1000]);
  });

  test('“Once the entire request has been received, the Server MUST verify the uploaded chunk”: a chunk that was cut cannot be, and is discarded', async () => {
    const { url, token } = await half();
    const headers = { 'upload-checksum': await checksum('sha1', rest()) };
    const cut = openPatch({ url, token, offset: 500, length: 500, headers });
    await cut.write(FILE.subarray(500, 900));
    await pause(50);
    expect(offsetOf(await head(url, token))).toBe(500);
    cut.abort();
  });

  test('a chunk that is not verified does not count after a kill', async () => {
    const { url, token } = await half();
    const headers = { 'upload-checksum': await checksum('sha1', rest()) };
    const cut = openPatch({ url, token, offset: 500, length: 500, headers });
    await cut.write(FILE.subarray(500, 900));
    await pause(50);
    await server().kill('SIGKILL');
    await server().restart();
    expect(offsetOf(await head(url, token))).toBe(500);
    const last = await patch({ url, token, offset: 500, body: rest(), headers });
    expect(await contentOf(fileIdOf(last), token)).toEqual(FILE);
  });
});

describe('checksum-trailer', () => {
  test('“If the Server can handle trailers, this behavior MUST be announced by adding checksum-trailer to the Tus-Extension header.”', async () => {
    expect(extensionsOf(await options())).toContain('checksum-trailer');
  });

  test.each(['sha1', 'sha256', 'md5', 'crc32c'])(
    '“If the hash cannot be calculated at the beginning of the upload, it MAY be included as a trailer.” %s',
    async (algorithm) => {
      const { url, token } = await half();
      const wrong = await patchWithTrailer(url, token, await checksum(algorithm, FILE));
      expect([wrong.status, offsetOf(await head(url, token))]).toEqual([460, 500]);
      const right = await patchWithTrailer(url, token, await checksum(algorithm, rest()));
      expect([right.status, offsetOf(right)]).toEqual([204, 1000]);
      expect(await contentOf(fileIdOf(right), token)).toEqual(FILE);
    },
  );

  test('a trailer that is malformed, or announced and not sent, is 400, and the chunk is discarded', async () => {
    const { url, token } = await half();
    for (const value of ['sha512 YQ==', 'nonsense', undefined]) {
      expect([value, (await patchWithTrailer(url, token, value)).status]).toEqual([value, 400]);
      expect(offsetOf(await head(url, token))).toBe(500);
    }
  });

  test('a header and a trailer at once are 400', async () => {
    const { url, token } = await half();
    const both = { 'upload-checksum': await checksum('sha1', rest()) };
    expect((await patchWithTrailer(url, token, both['upload-checksum'], both)).status).toBe(400);
  });
});

describe('termination', () => {
  test('“If this extension is supported by the Server, it MUST be announced by adding termination to the Tus-Extension header.”', async () => {
    expect(extensionsOf(await options())).toContain('termination');
  });

  test('“When receiving a DELETE request for an existing upload the Server SHOULD free associated resources and MUST respond with the 204 No Content status”, unfinished', async () => {
    const { url, token, room } = await half();
    const ended = await terminate(url, token);
    expect([ended.status, ended.body.length]).toEqual([204, 0]);
    expect(await listUploads(server().baseUrl, room)).toEqual([]);
  });

  test('the same of a completed upload; the file that was shared stays', async () => {
    const room = newChatRoom();
    const created = await create({ baseUrl: server().baseUrl, token: room.visitor, body: FILE });
    expect((await terminate(created.url, room.visitor)).status).toBe(204);
    expect((await head(created.url, room.visitor)).status).toBe(410);
    expect(await contentOf(fileIdOf(created), room.visitor)).toEqual(FILE);
  });

  test('“For all future requests to this URL, the Server SHOULD respond with the 404 Not Found or 410 Gone status.”', async () => {
    const { url, token } = await half();
    await terminate(url, token);
    const answers = [
      await head(url, token),
      await patch({ url, token, offset: 500, body: rest() }),
      await terminate(url, token),
    ];
    expect(answers.map(({ status }) => status)).toEqual([410, 410, 410]);
  });
});

describe('concatenation', () => {
  test('“If the Server supports this extension, it MUST add concatenation to the Tus-Extension header.”', async () => {
    expect(extensionsOf(await options())).toContain('concatenation');
  });

  test('“Multiple partial uploads are concatenated into a final upload in the specified order.”', async () => {
    const room = newChatRoom();
    const [b, a] = [await partial(room.visitor, rest()), await partial(room.visitor, FILE.subarray(0, 500))];
    const created = await final(room.visitor, [a.url, b.url], { filename: 'a.png' });
    expect(created.status).toBe(201);
    expect(await contentOf(fileIdOf(created), room.visitor)).toEqual(FILE);
    expect((await listFiles(server().baseUrl, room)).files).toMatchObject([{ name: 'a.png', size: 1000 }]);
  });

  test('“The Server SHOULD NOT process these partial uploads until they are concatenated to form a final upload.”', async () => {
    const room = newChatRoom();
    const agent = recordSocket({ baseUrl: server().baseUrl, auth: { token: room.agent, session_id: room.session } });
    await agent.waitForEvent('connection_established');
    const program = Buffer.concat([Buffer.from('MZ'), Buffer.alloc(6000)]);
    const part = await partial(room.visitor, program);
    expect([part.status, part.headers['chat-file-id']]).toEqual([201, undefined]);
    expect(await listUploads(server().baseUrl, room)).toEqual([]);
    expect((await listFiles(server().baseUrl, room)).count).toBe(0);
    const refused = await final(room.visitor, [part.url]);
    expect(refused.status).toBe(415);
    // The bytes of a refused file go, those of its parts too.
    expect((await head(part.url, room.visitor)).status).toBe(410);
    expect(agent.events.map(({ name }) => name)).not.toContain('upload_progress');
    agent.close();
  });

  test('“The length of the final upload MUST be the sum of the length of all partial uploads.”', async () => {
    const { visitor } = newChatRoom();
    const parts = [await partial(visitor, FILE.subarray(0, 1)), await partial(visitor, FILE.subarray(1))];
    const created = await final(visitor, urlsOf(parts));
    expect((await head(created.url, visitor)).headers['upload-length']).toBe('1000');
  });

  test('“The Client MUST NOT include the Upload-Length header in the final upload creation.”', async () => {
    const { visitor } = newChatRoom();
    const part = await partial(visitor, FILE);
    const headers = { 'upload-concat': `final;${part.url}` };
    expect((await post(visitor, { ...headers, 'upload-length': '1000' })).status).toBe(400);
    expect((await post(visitor, { ...headers, 'upload-defer-length': '1' })).status).toBe(400);
  });

  test('“the partial uploads’ metadata SHALL NOT be transferred to the new final upload”', async () => {
    const room = newChatRoom();
    const part = await partial(room.visitor, FILE, { metadata: { filename: 'part.png', secret: 'x' } });
    const created = await final(room.visitor, [part.url]);
    expect((await head(created.url, room.visitor)).headers['upload-metadata']).toBeUndefined();
    expect((await listFiles(server().baseUrl, room)).files).toMatchObject([{ name: 'file' }]);
  });

  test('“All metadata SHOULD be included in the concatenation request using the Upload-Metadata header.”', async () => {
    const { visitor } = newChatRoom();
    const created = await final(visitor, [(await partial(visitor, FILE)).url], { filename: 'whole.png' });
    const { headers } = await head(created.url, visitor);
    expect(headers['upload-metadata']).toBe(encodeMetadata({ filename: 'whole.png' }));
  });

  test('“The Server MAY delete partial uploads after concatenation.”', async () => {
    const { visitor } = newChatRoom();
    const part = await partial(visitor, FILE);
    await final(visitor, [part.url]);
    expect((await head(part.url, visitor)).status).toBe(410);
    expect((await patch({ url: part.url, token: visitor, offset: 1000, body: Buffer.alloc(0) })).status).toBe(410);
  });

  test('“The same partial upload MAY be present multiple times in the Upload-Concat header in one upload creation request”', async () => {
    const { visitor } = newChatRoom();
    const part = await partial(visitor, Buffer.from('again and '));
    const created = await final(visitor, [part.url, part.url, part.url], { filename: 'a.txt' });
    expect((await contentOf(fileIdOf(created), visitor)).toString()).toBe('again and again and again and ');
  });

  test('“or MAY be used in multiple upload creation requests”', async () => {
    const room = newChatRoom();
    const [one, two] = [
      await partial(room.visitor, Buffer.from('one')),
      await partial(room.visitor, null, { length: 3 }),
    ];
    const first = await final(room.visitor, [one.url, two.url], { filename: '1.txt' });
    const second = await final(room.visitor, [two.url, one.url], { filename: '2.txt' });
    await patch({ url: two.url, token: room.visitor, offset: 0, body: Buffer.from('two') });
    const ids = [await finished(first.url, room.visitor), await finished(second.url, room.visitor)];
    const texts = await Promise.all(ids.map(async (id) => (await contentOf(id, room.visitor)).toString()));
    expect(texts).toEqual(['onetwo', 'twoone']);
    expect((await head(one.url, room.visitor)).status).toBe(410);
  });

  test('“The Server MUST respond with the 403 Forbidden status to PATCH requests against a final upload URL and MUST NOT modify the final or its partial uploads.”', async () => {
    const { visitor } = newChatRoom();
    const part = await partial(visitor, null, { length: 1000 });
    const waiting = await final(visitor, [part.url]);
    const done = await final(visitor, [(await partial(visitor, FILE)).url]);
    for (const url of [waiting.url, done.url]) {
      expect((await patch({ url, token: visitor, offset: 0, body: FILE })).status).toBe(403);
      expect((await call('PATCH', url, visitor)).status).toBe(403);
    }
    expect(offsetOf(await head(part.url, visitor))).toBe(0);
    expect(offsetOf(await head(done.url, visitor))).toBe(1000);
    const body = { 'upload-concat': `final;${part.url}`, 'content-type': OFFSET_TYPE };
    expect((await call('POST', collection(), visitor, body, FILE)).status).toBe(403);
  });

  test('“The response to a HEAD request for a final upload SHOULD NOT contain the Upload-Offset header unless the concatenation has been successfully finished. After successful concatenation, the Upload-Offset and Upload-Length MUST be set and their values MUST be equal.”', async () => {
    const { visitor } = newChatRoom();
    const part = await partial(visitor, null, { length: 1000 });
    const created = await final(visitor, [part.url]);
    const before = await head(created.url, visitor);
    expect([before.status, before.headers['upload-offset']]).toEqual([200, undefined]);
    expectExpiry(before);
    await patch({ url: part.url, token: visitor, offset: 0, body: FILE });
    await finished(created.url, visitor);
    const { headers } = await head(created.url, visitor);
    expect([headers['upload-offset'], headers['upload-length']]).toEqual(['1000', '1000']);
  });

  test('“The response to a HEAD request for a partial upload MUST contain the Upload-Offset header.”', async () => {
    const { visitor } = newChatRoom();
    const part = await partial(visitor, FILE.subarray(0, 10), { length: 1000 });
    expect(offsetOf(await head(part.url, visitor))).toBe(10);
  });

  test('“The Upload-Length header MUST be included if the length of the final resource can be calculated at the time of the request.”', async () => {
    const { visitor } = newChatRoom();
    const known = await partial(visitor, null, { length: 900 });
    const later = await partial(visitor, null, { deferLength: true });
    const created = await final(visitor, [known.url, later.url]);
    expect((await head(created.url, visitor)).headers['upload-length']).toBeUndefined();
    await patch({
      url: later.url,
      token: visitor,
      offset: 0,
      body: Buffer.alloc(0),
      headers: { 'upload-length': '100' },
    });
    expect((await head(created.url, visitor)).headers['upload-length']).toBe('1000');
  });

  test('“Response to HEAD request against partial or final upload MUST include the Upload-Concat header and its value as received in the upload creation request.”', async () => {
    const { visitor } = newChatRoom();
    const part = await partial(visitor, FILE.subarray(0, 10), { length: 1000 });
    expect((await head(part.url, visitor)).headers['upload-concat']).toBe('partial');
    const value = `final;${part.url} ${new URL(part.url).pathname}`;
    const created = await post(visitor, { 'upload-concat': value });
    const { headers } = await head(server().baseUrl + created.headers.location, visitor);
    expect(headers['upload-concat']).toBe(value);
  });

  test('“If the upload is a partial one, the header value MUST be partial. In the case of a final upload, its value MUST be final followed by a semicolon and a space-separated list”', async () => {
    const { visitor } = newChatRoom();
    for (const value of ['', 'Partial', 'partial;x', 'final', 'final;', 'final; ', 'final /a', 'whole'])
      expect([value, (await post(visitor, { 'upload-concat': value, 'upload-length': '10' })).status]).toEqual([
        value,
        400,
      ]);
  });

  test.each([
    ['absolute', (url: string) => url],
    [
      'absolute, by another name of the server',
      (url: string) => url.replace(/^http:\/\/[^/]+/, 'https://files.example'),
    ],
    ['a path', (url: string) => new URL(url).pathname],
    ['a path with the last slash', (url: string) => `${new URL(url).pathname}/`],
    ['relative to the collection', (url: string) => url.split('/').at(-1) ?? ''],
  ])('“The partial uploads URLs MAY be absolute or relative”: %s', async (_how, spell) => {
    const { visitor } = newChatRoom();
    const parts = [await partial(visitor, FILE.subarray(0, 500)), await partial(visitor, rest())];
    const created = await final(visitor, urlsOf(parts).map(spell));
    expect(await contentOf(fileIdOf(created), visitor)).toEqual(FILE);
  });
});

describe('concatenation-unfinished', () => {
  test('“This feature MUST be explicitly announced by the Server by adding concatenation-unfinished to the Tus-Extension header.”', async () => {
    expect(extensionsOf(await options())).toContain('concatenation-unfinished');
  });

  test('“The Client MAY send the concatenation request while the partial uploads are still in progress.” The last part brings the file', async () => {
    const room = newChatRoom();
    const parts = [
      await partial(room.visitor, FILE.subarray(0, 100), { length: 300 }),
      await partial(room.visitor, null, { deferLength: true }),
    ] as const;
    const created = await final(room.visitor, urlsOf(parts), { filename: 'late.png' });
    expect([created.status, created.headers['chat-file-id']]).toEqual([201, undefined]);
    const lengths = { 'upload-length': '700' };
    await patch({ url: parts[1].url, token: room.visitor, offset: 0, body: FILE.subarray(300), headers: lengths });
    expect((await listFiles(server().baseUrl, room)).count).toBe(0);
    await patch({ url: parts[0].url, token: room.visitor, offset: 100, body: FILE.subarray(100, 300) });
    const id = await finished(created.url, room.visitor);
    expect(await contentOf(id, room.visitor)).toEqual(FILE);
    expect((await listFiles(server().baseUrl, room)).count).toBe(1);
  });

  test('a part that ends takes the final upload with it', async () => {
    const { visitor } = newChatRoom();
    const part = await partial(visitor, null, { length: 1000 });
    const created = await final(visitor, [part.url]);
    expect((await terminate(part.url, visitor)).status).toBe(204);
    expect((await head(created.url, visitor)).status).toBe(410);
  });

  test('a final upload that is ended leaves its parts', async () => {
    const { visitor } = newChatRoom();
    const part = await partial(visitor, null, { length: 1000 });
    const created = await final(visitor, [part.url]);
    expect((await terminate(created.url, visitor)).status).toBe(204);
    expect((await head(created.url, visitor)).status).toBe(410);
    await patch({ url: part.url, token: visitor, offset: 0, body: FILE });
    expect((await final(visitor, [part.url])).headers['chat-file-id']).toBeDefined();
  });

  test('a kill while parts are missing, and one before the join: the file comes, once', async () => {
    const room = newChatRoom();
    const parts = [
      await partial(room.visitor, FILE.subarray(0, 500)),
      await partial(room.visitor, null, { length: 500 }),
    ] as const;
    const created = await final(room.visitor, urlsOf(parts));
    await server().kill('SIGKILL');
    await server().restart();
    expect((await head(created.url, room.visitor)).headers['upload-offset']).toBeUndefined();
    await patch({ url: parts[1].url, token: room.visitor, offset: 0, body: rest() });
    await server().kill('SIGKILL');
    await server().restart();
    expect(await contentOf(await finished(created.url, room.visitor), room.visitor)).toEqual(FILE);
    expect((await listFiles(server().baseUrl, room)).count).toBe(1);
  });
});

describe('concatenation: whose, how much, how often', () => {
  test('a part of somebody else is 404, one that is whole or final 400, one that has ended 410', async () => {
    const room = newChatRoom();
    const own = await partial(room.visitor, FILE);
    expect((await final(newChatRoom().visitor, [own.url])).status).toBe(404);
    expect((await final(room.agent, [own.url], { session_id: room.session })).status).toBe(404);
    expect((await final(room.visitor, [own.url, `${collection()}${'x'.repeat(22)}`])).status).toBe(404);
    const { url } = await create({ baseUrl: server().baseUrl, token: room.visitor, length: 10 });
    expect((await final(room.visitor, [own.url, url])).status).toBe(400);
    const made = await final(room.visitor, [own.url]);
    expect((await final(room.visitor, [made.url])).status).toBe(400);
    expect((await final(room.visitor, [own.url], { filename: 'again.png' })).status).toBe(410);
  });

  test('an agent without a session names it at the final only', async () => {
    const room = newChatRoom();
    const parts = [await partial(room.agent, FILE.subarray(0, 500)), await partial(room.agent, rest())];
    expect(parts.map(({ status }) => status)).toEqual([201, 201]);
    expect((await final(room.agent, urlsOf(parts))).status).toBe(400);
    expect((await final(agentToken(room.company, 'agent-2'), urlsOf(parts), { session_id: room.session })).status).toBe(
      404,
    );
    const created = await final(room.agent, urlsOf(parts), { session_id: room.session });
    expect((await listFiles(server().baseUrl, room)).files).toMatchObject([
      { id: fileIdOf(created), uploader: 'agent' },
    ]);
  });

  test('a creation that is sent again, its answer lost, is the same upload: one file, one event', async () => {
    const room = newChatRoom();
    const agent = recordSocket({ baseUrl: server().baseUrl, auth: { token: room.agent, session_id: room.session } });
    await agent.waitForEvent('connection_established');
    const parts = [await partial(room.visitor, FILE.subarray(0, 500)), await partial(room.visitor, rest())];
    const ask = () => final(room.visitor, urlsOf(parts), { filename: 'once.png' });
    const answers = [...(await Promise.all([ask(), ask(), ask()])), await ask()];
    expect(answers.map(({ status }) => status)).toEqual([201, 201, 201, 201]);
    expect(new Set(answers.map(({ headers }) => headers.location)).size).toBe(1);
    expect((await listFiles(server().baseUrl, room)).count).toBe(1);
    await agent.waitForEvent('file_shared');
    expect(agent.payloads('file_shared')).toHaveLength(1);
    agent.close();
  });

  test('a final upload that is refused by its name takes its parts along, and is refused again', async () => {
    const { visitor } = newChatRoom();
    const part = await partial(visitor, FILE);
    const ask = () => final(visitor, [part.url], { filename: 'setup.exe' });
    expect([(await ask()).status, (await ask()).status]).toEqual([415, 415]);
    expect((await head(part.url, visitor)).status).toBe(410);
  });

  test('the sum of the parts is held to the largest size', async () => {
    const { visitor } = newChatRoom();
    const large = await partial(visitor, null, { length: MAX_BYTES });
    const later = await partial(visitor, null, { deferLength: true });
    expect((await final(visitor, [large.url, large.url])).status).toBe(413);
    expect((await post(visitor, { 'upload-concat': 'partial', 'upload-length': String(MAX_BYTES + 1) })).status).toBe(
      413,
    );
    const part = await partial(visitor, null, { length: MAX_BYTES - 1 });
    const created = await final(visitor, [part.url, later.url]);
    expect(created.status).toBe(201);
  });
});

describe('concatenation under a rate limit of 2', () => {
  const limited = chatdropForSuite({ env: { CHAT_UPLOAD_RATE_LIMIT: '2' } });

  test('a parallel upload counts once, and is refused before its bytes are sent', async () => {
    const { visitor: token } = newChatRoom();
    const { baseUrl } = limited();
    const ask = (headers: Record<string, string>) => post(token, headers, baseUrl);
    for (let made = 0; made < 2; made += 1) {
      const urls: string[] = [];
      for (let part = 0; part < 5; part += 1) {
        const answer = await ask({ 'upload-concat': 'partial', 'upload-length': '10' });
        urls.push(String(answer.headers.location));
      }
      expect((await ask({ 'upload-concat': `final;${urls.join(' ')}` })).status).toBe(201);
    }
    const refused = await ask({ 'upload-concat': 'partial', 'upload-length': '10' });
    expect([refused.status, Number(refused.headers['retry-after'])]).toEqual([429, expect.any(Number)]);
  });
});

type Headers = Record<string, string | undefined>;

function collection(): string {
  return server().baseUrl + TUS_PATH;
}

function rest(): Buffer {
  return FILE.subarray(500);
}

function base(token: string | undefined): Headers {
  return { 'tus-resumable': '1.0.0', authorization: token === undefined ? undefined : `Bearer ${token}` };
}

function patchHeaders(offset: number): Headers {
  return { 'upload-offset': String(offset), 'content-type': OFFSET_TYPE };
}

function call(method: string, url: string, token?: string, headers: Headers = {}, body?: Buffer): Promise<WireAnswer> {
  return send({ method, url, headers: { ...base(token), ...headers }, body: body ?? Buffer.alloc(0) });
}

function post(token: string | undefined, headers: Headers, baseUrl = server().baseUrl): Promise<WireAnswer> {
  return call('POST', baseUrl + TUS_PATH, token, headers);
}

function options(headers: Headers = {}): Promise<WireAnswer> {
  return send({ method: 'OPTIONS', url: collection(), headers });
}

function extensionsOf(answer: WireAnswer): string[] {
  return String(answer.headers['tus-extension']).split(',');
}

/** An upload of the file's length that has no bytes yet. */
async function upload(file = FILE) {
  const room = newChatRoom();
  const created = await create({ baseUrl: server().baseUrl, token: room.visitor, length: file.length });
  expect(created.status).toBe(201);
  return { url: created.url, token: room.visitor, room };
}

/** Half of the file has arrived. */
async function half() {
  const started = await upload();
  await patch({ url: started.url, token: started.token, offset: 0, body: FILE.subarray(0, 500) });
  return started;
}

async function deferred() {
  const { visitor } = newChatRoom();
  const created = await create({ baseUrl: server().baseUrl, token: visitor, deferLength: true });
  return { url: created.url, token: visitor };
}

type PartialOptions = { length?: number; deferLength?: boolean; metadata?: Record<string, string> };

function partial(token: string, body: Buffer | null, over: PartialOptions = {}) {
  const headers = { 'upload-concat': 'partial' };
  return create({ baseUrl: server().baseUrl, token, headers, ...over, ...(body === null ? {} : { body }) });
}

function final(token: string, urls: readonly string[], metadata?: Record<string, string>) {
  const headers = { 'upload-concat': `final;${urls.join(' ')}` };
  return create({ baseUrl: server().baseUrl, token, headers, ...(metadata === undefined ? {} : { metadata }) });
}

function urlsOf(parts: readonly { url: string }[]): string[] {
  return parts.map(({ url }) => url);
}

/** The file's id, once a final upload has become one. */
function finished(url: string, token: string): Promise<number> {
  return eventually('the final upload is finished', async () => {
    const id = fileIdOf(await head(url, token));
    return Number.isNaN(id) ? undefined : id;
  });
}

async function contentOf(id: number, token: string): Promise<Buffer> {
  const answer = await get(server().baseUrl, `/api/chat/files/${id}/content`, token);
  expect(answer.status).toBe(200);
  return answer.body;
}

async function checksum(algorithm: string, bytes: Buffer): Promise<string> {
  if (algorithm !== 'crc32c') return `${algorithm} ${createHash(algorithm).update(bytes).digest('base64')}`;
  const crc = (await createCRC32(0x82f63b78)).init().update(bytes).digest('hex');
  return `crc32c ${Buffer.from(crc, 'hex').toString('base64')}`;
}

/** The second half of the file, chunked, with the checksum behind it. */
async function patchWithTrailer(url: string, token: string, value: string | undefined, headers: Headers = {}) {
  const opened = openRequest({
    method: 'PATCH',
    url,
    headers: {
      ...base(token),
      ...patchHeaders(500),
      'transfer-encoding': 'chunked',
      trailer: 'Upload-Checksum',
      ...headers,
    },
  });
  for await (const chunk of Readable.from([FILE.subarray(500, 600), FILE.subarray(600)])) await opened.write(chunk);
  if (value !== undefined) opened.request.addTrailers({ 'Upload-Checksum': value });
  opened.end();
  return opened.answer;
}

function expectExpiry(answer: WireAnswer): void {
  const inMs = Date.parse(String(answer.headers['upload-expires'])) - Date.now();
  expect(Math.abs(inMs - 24 * 3600 * 1000)).toBeLessThan(60_000);
}
