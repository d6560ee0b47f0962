/** Stored bytes by ranges and conditions: a table of requests and the answers of RFC 9110. */
import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import { type AddressInfo, connect } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import Koa from 'koa';
import { pino } from 'pino';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { FileRecord } from '../../server/database/chat-file-table.ts';
import { problemResponses } from '../../server/http/problem-responses.ts';
import { createSendObject, deedOfAnswer } from '../../server/http/send-object.ts';
import type { Disposition } from '../../server/rules/signed-link.ts';
import { newStorageKey, newUploadId } from '../../server/rules/upload-id.ts';
import type { FileStorage } from '../../server/storage/file-storage.ts';
import { createLocalStorage } from '../../server/storage/local-storage.ts';
import { eventually } from '../services/eventually.ts';
import { send, type WireAnswer } from '../services/wire.ts';

const CONTENT = Buffer.from('0123456789');
const CREATED_AT = Date.UTC(2026, 0, 2, 3, 4, 5);
const LAST_MODIFIED = 'Fri, 02 Jan 2026 03:04:05 GMT';

let folder = '';
let baseUrl = '';
let close = () => {};
let full: FileRecord;
let empty: FileRecord;
let shown: { file: FileRecord; disposition: Disposition; maxAgeSeconds: number };

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'chatdrop-send-'));
  const storage = await createLocalStorage(folder);
  [full, empty] = [await stored(storage, CONTENT), await stored(storage, Buffer.alloc(0))];
  const sendObject = createSendObject({ storage });
  const app = new Koa();
  app.use(problemResponses(pino({ level: 'silent' })));
  app.use((ctx) => sendObject(ctx, shown.file, shown.disposition, shown.maxAgeSeconds));
  const server = app.listen(0, '127.0.0.1');
  close = () => void server.close();
  await once(server, 'listening');
  baseUrl = `http://127.0.0.1:${(server.address() as AddressInfo).port}/`;
});
afterAll(async () => {
  close();
  await rm(folder, { recursive: true });
});

describe('a range', () => {
  test.each<[string, number, string, string | undefined]>([
    ['bytes=0-', 206, '0123456789', 'bytes 0-9/10'],
    ['bytes=0-0', 206, '0', 'bytes 0-0/10'],
    ['bytes=3-5', 206, '345', 'bytes 3-5/10'],
    ['bytes=9-', 206, '9', 'bytes 9-9/10'],
    ['bytes=8-100', 206, '89', 'bytes 8-9/10'],
    ['bytes=-3', 206, '789', 'bytes 7-9/10'],
    ['bytes=-10', 206, '0123456789', 'bytes 0-9/10'],
    // "If the selected representation is shorter than the specified suffix-length, the entire representation is used."
    ['bytes=-100', 206, '0123456789', 'bytes 0-9/10'],
    ['bytes= 3-5', 206, '345', 'bytes 3-5/10'],
    ['bytes=10-', 416, '', 'bytes */10'],
    ['bytes=-0', 416, '', 'bytes */10'],
    ['bytes=99999999999999999999-', 416, '', 'bytes */10'],
    ['bytes=0-1,3-4', 200, '0123456789', undefined],
    ['bytes=', 200, '0123456789', undefined],
    ['bytes=-', 200, '0123456789', undefined],
    ['bytes=a-b', 200, '0123456789', undefined],
    ['bytes=1.5-2', 200, '0123456789', undefined],
    ['lines=0-5', 200, '0123456789', undefined],
    ['0-5', 200, '0123456789', undefined],
  ])('%s is %i %j', async (range, status, body, contentRange) => {
    const answer = await ask(full, { headers: { range } });
    expect([answer.status, answer.headers['content-range']]).toEqual([status, contentRange]);
    if (status !== 416)
      expect([answer.body.toString(), answer.headers['content-length']]).toEqual([body, String(body.length)]);
    expect(answer.headers['accept-ranges']).toBe('bytes');
  });

  test.each<[string, number]>([
    ['bytes=0-', 416],
    ['bytes=-5', 416],
    ['bytes=0-1,3-4', 416],
    ['lines=0-5', 200],
  ])('of an empty file: %s is %i', async (range, status) => {
    const answer = await ask(empty, { headers: { range } });
    expect(answer.status).toBe(status);
    if (status === 200) expect(answer.body).toHaveLength(0);
  });

  test('is for GET only: HEAD tells of the whole', async () => {
    const answer = await ask(full, { method: 'HEAD', headers: { range: 'bytes=0-1' } });
    expect([answer.status, answer.headers['content-length'], answer.body.length]).toEqual([200, '10', 0]);
  });
});

describe('for the audit', () => {
  const answer = (status: number, headers: Record<string, string>, method = 'GET') => {
    const ctx = { method, status, response: { get: (name: string) => headers[name] ?? '' } };
    return deedOfAnswer(ctx as unknown as Koa.Context);
  };
  const inline = { 'Content-Disposition': 'inline; filename="a"' };
  const attachment = { 'Content-Disposition': 'attachment; filename="a"' };
  test.each<[string, string | null, string | null]>([
    ['whole, to be shown', answer(200, inline), 'opened'],
    ['whole, to be saved', answer(200, attachment), 'downloaded'],
    ['its beginning', answer(206, { ...inline, 'Content-Range': 'bytes 0-3/10' }), 'opened'],
    ['a later piece', answer(206, { ...inline, 'Content-Range': 'bytes 4-9/10' }), null],
    ['from the store', answer(302, {}), 'downloaded'],
    ['unchanged', answer(304, inline), null],
    ['HEAD', answer(200, inline, 'HEAD'), null],
    ['refused', answer(403, {}), null],
  ])('%s', (_what, got, expected) => {
    expect(got).toBe(expected);
  });
});

describe('a condition', () => {
  const etag = () => `"${full.uploadId}"`;
  test.each<[string, () => Record<string, string>, number, number]>([
    ['If-Range with the tag', () => ({ range: 'bytes=0-1', 'if-range': etag() }), 206, 2],
    ['If-Range with another tag', () => ({ range: 'bytes=0-1', 'if-range': '"other"' }), 200, 10],
    ['If-Range with a weak tag', () => ({ range: 'bytes=0-1', 'if-range': `W/${etag()}` }), 200, 10],
    ['If-Range with the date', () => ({ range: 'bytes=0-1', 'if-range': LAST_MODIFIED }), 206, 2],
    [
      'If-Range with another date',
      () => ({ range: 'bytes=0-1', 'if-range': 'Fri, 02 Jan 2026 03:04:06 GMT' }),
      200,
      10,
    ],
    ['If-None-Match with the tag', () => ({ 'if-none-match': etag() }), 304, 0],
    ['If-None-Match with the weak tag', () => ({ 'if-none-match': `W/${etag()}` }), 304, 0],
    ['If-None-Match with a list', () => ({ 'if-none-match': `"a" , ${etag()}` }), 304, 0],
    ['If-None-Match with *', () => ({ 'if-none-match': '*' }), 304, 0],
    ['If-None-Match with others', () => ({ 'if-none-match': '"a", "b"' }), 200, 10],
    ['If-None-Match goes before Range', () => ({ 'if-none-match': etag(), range: 'bytes=0-1' }), 304, 0],
  ])('%s', async (_what, headers, status, bytes) => {
    const answer = await ask(full, { headers: headers() });
    expect([answer.status, answer.body.length, answer.headers.etag]).toEqual([status, bytes, etag()]);
  });
});

describe('the headers', () => {
  test('let nothing run, whatever the file', async () => {
    for (const mimeType of ['image/png', 'text/plain', 'application/pdf', 'text/html', 'image/svg+xml']) {
      const { headers } = await ask({ ...full, mimeType });
      expect(headers['x-content-type-options']).toBe('nosniff');
      expect(headers['content-security-policy']).toMatch(/default-src 'none'.*sandbox/);
      expect(headers['content-type']).toBe(mimeType.startsWith('text/') ? `${mimeType}; charset=utf-8` : mimeType);
      expect(headers['last-modified']).toBe(LAST_MODIFIED);
    }
  });

  test('show inline only what is harmless, also when inline is wanted', async () => {
    const dispositionOf = async (mimeType: string, disposition: Disposition) =>
      String((await ask({ ...full, mimeType }, { disposition })).headers['content-disposition']).split(';')[0];
    expect(await dispositionOf('image/png', 'inline')).toBe('inline');
    expect(await dispositionOf('image/png', 'attachment')).toBe('attachment');
    for (const mimeType of ['text/html', 'image/svg+xml', 'application/zip', 'application/xml']) {
      expect([mimeType, await dispositionOf(mimeType, 'inline')]).toEqual([mimeType, 'attachment']);
    }
  });

  test.each(['a.png', 'größe 😀.png', 'a"b\\c.png', 'a\u2028b;c,d%41.png', '100%.png'])(
    'carry the name %j',
    async (name) => {
      const value = String((await ask({ ...full, name })).headers['content-disposition']);
      const encoded = /filename\*=UTF-8''([^;]+)/i.exec(value)?.[1];
      const plain = /filename="?((?:\\.|[^"\\;])*)"?/.exec(value)?.[1]?.replace(/\\(.)/g, '$1');
      expect(encoded === undefined ? plain : decodeURIComponent(encoded)).toBe(name);
    },
  );

  test('an age is given only with a link that ends', async () => {
    expect((await ask(full, { maxAgeSeconds: 60 })).headers['cache-control']).toBe('private, max-age=60, immutable');
    expect((await ask(full)).headers['cache-control']).toBe('private, no-cache');
  });
});

test('HEAD tells the length and sends nothing', async () => {
  const answer = await ask(full, { method: 'HEAD' });
  expect([answer.status, answer.headers['content-length'], answer.body.length]).toEqual([200, '10', 0]);
});

test('bytes that are gone are 404, and nothing of the file is told', async () => {
  const answer = await ask({ ...full, storageKey: newStorageKey('c', 's', '.png') });
  expect([answer.status, answer.headers['content-type']]).toEqual([404, 'application/problem+json']);
  expect(answer.headers['cache-control']).toBe('no-store');
});

test('a client that does not read is let go, and the file closed; one that reads late gets all of it', async () => {
  const storage = await createLocalStorage(folder);
  const large = await stored(storage, Buffer.alloc(32 * 1024 * 1024));
  let streams = 0;
  const counting: Pick<FileStorage, 'open' | 'linkTo'> = {
    linkTo: storage.linkTo,
    async open(key) {
      const object = await storage.open(key);
      if (object === null) return null;
      return {
        ...object,
        stream(start, end) {
          streams += 1;
          return object.stream(start, end).once('close', () => {
            streams -= 1;
          });
        },
      };
    },
  };
  const sendWithin = async (maxStallMs: number) => {
    const app = new Koa();
    app.silent = true;
    app.use((ctx) => createSendObject({ storage: counting, maxStallMs })(ctx, large, 'inline', 0));
    const server = app.listen(0, '127.0.0.1');
    await once(server, 'listening');
    const client = connect((server.address() as AddressInfo).port, '127.0.0.1');
    client.on('error', () => {});
    client.write('GET / HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n');
    await eventually('the stream', () => streams === 1);
    return { client, server };
  };
  const deaf = await sendWithin(200);
  await eventually('the end of the stream', () => streams === 0);
  deaf.client.destroy();
  deaf.server.close();
  const late = await sendWithin(60_000);
  let receivedBytes = 0;
  late.client.on('data', (chunk) => {
    receivedBytes += chunk.length;
  });
  await once(late.client, 'close');
  expect(receivedBytes).toBeGreaterThan(large.sizeBytes);
  late.server.close();
});

type Ask = { method?: string; headers?: Record<string, string>; disposition?: Disposition; maxAgeSeconds?: number };

function ask(
  file: FileRecord,
  { method = 'GET', headers, disposition = 'inline', maxAgeSeconds = 0 }: Ask = {},
): Promise<WireAnswer> {
  shown = { file, disposition, maxAgeSeconds };
  return send({ method, url: baseUrl, headers });
}

async function stored(storage: FileStorage, content: Buffer): Promise<FileRecord> {
  const uploadId = newUploadId();
  const storageKey = newStorageKey('c', 's', '.png');
  const options = { maxBytes: content.length, idleTimeoutMs: 60_000, signal: new AbortController().signal };
  await storage.create(uploadId);
  await storage.append(uploadId, 0, Readable.from([content]), options);
  await storage.makeFinal(uploadId, storageKey);
  return {
    id: 1,
    uploadId,
    company: 'c',
    session: 's',
    uploader: 'user',
    storageKey,
    name: 'photo.png',
    mimeType: 'image/png',
    sizeBytes: content.length,
    thumbnailKey: null,
    width: null,
    height: null,
    placeholder: null,
    scan: 'not_scanned',
    sha256: null,
    seq: 1,
    createdAt: CREATED_AT,
    linkEpoch: 0,
  };
}
