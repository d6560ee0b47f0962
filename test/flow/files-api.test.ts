/** The file API: listing, one file, its bytes, signed links, removal, and the answers around them. */
import { describe, expect, test } from 'vitest';
import type { ChatConfig, ChatFile } from '../../server/contract/chat-file.ts';
import { bearer, codeOf, get, listFiles, listUploads, shareFile, storedFiles } from '../services/chat-api.ts';
import { type ChatRoom, newChatRoom } from '../services/chat-room.ts';
import { chatdropForSuite } from '../services/chatdrop-suite.ts';
import { eventually } from '../services/eventually.ts';
import { mp4File, pdfFile, pngFile, textFile } from '../services/fixtures.ts';
import { create, patch } from '../services/tus-wire.ts';
import { jsonOf, send, type WireAnswer } from '../services/wire.ts';

const server = chatdropForSuite();
const body = mp4File(100_000);

describe('a file as the API shows it', () => {
  test('has every field of the contract', async () => {
    const room = newChatRoom();
    const startedAt = Date.now();
    const file = await share(room, pngFile({ bytes: 4000 }), 'Bild.PNG');
    expect(file).toMatchObject({
      company_id: room.company,
      session_id: room.session,
      uploader: 'user',
      name: 'Bild.PNG',
      original_name: 'Bild.PNG',
      mime_type: 'image/png',
      size: 4000,
      scan: 'not_scanned',
    });
    expect(Number.isSafeInteger(file.id)).toBe(true);
    expect(Number.isSafeInteger(file.seq)).toBe(true);
    for (const key of ['thumbnail', 'width', 'height', 'placeholder', 'sha256']) expect(file).toHaveProperty(key);
    expect(file.created_at).toMatch(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?Z$/);
    expect(Date.parse(file.created_at)).toBeGreaterThan(startedAt - 2000);
    expect(file.url.startsWith(`${server().baseUrl}/media/chat/${room.company}/${room.session}/`)).toBe(true);
    expect(file.url).not.toContain('Bild');
  });

  test('one by id and in the list are the same', async () => {
    const room = newChatRoom();
    const file = await share(room, pdfFile(), 'a.pdf');
    const [listed] = (await listFiles(server().baseUrl, room)).files;
    expect(withoutLinks(listed)).toEqual(withoutLinks(file));
  });

  test.each(['abc', '-1', '0', '1e3', '9'.repeat(30), '%00', '1%2F..'])('id %s is no server error', async (id) => {
    const { visitor } = newChatRoom();
    expect([400, 404]).toContain((await get(server().baseUrl, `/api/chat/files/${id}/`, visitor)).status);
    expect([400, 404]).toContain((await get(server().baseUrl, `/api/chat/files/${id}/content`, visitor)).status);
  });
});

describe('the list', () => {
  test('is oldest first, pages by cursor, and counts all', async () => {
    const room = newChatRoom();
    const ids: number[] = [];
    for (let at = 0; at < 5; at += 1) ids.push((await share(room, pngFile({ seed: at }), `${at}.png`)).id);
    const seen: number[] = [];
    let cursor = '';
    for (let page = 0; page < 5; page += 1) {
      const list = await listFiles(server().baseUrl, room, `&limit=2${cursor}`);
      expect(list.count).toBe(5);
      seen.push(...list.files.map(({ id }) => id));
      if (list.next_cursor === null) break;
      expect(list.files).toHaveLength(2);
      cursor = `&cursor=${encodeURIComponent(list.next_cursor)}`;
    }
    expect(seen).toEqual(ids);
  });

  test('keeps its place when a file is shared or removed between two pages', async () => {
    const room = newChatRoom();
    const shared: ChatFile[] = [];
    for (let at = 0; at < 4; at += 1) shared.push(await share(room, pngFile({ seed: at }), `${at}.png`));
    const first = await listFiles(server().baseUrl, room, '&limit=2');
    await remove(shared[1]?.id ?? 0, room.visitor);
    const late = await share(room, pngFile({ seed: 9 }), 'late.png');
    const rest = await listFiles(server().baseUrl, room, `&cursor=${encodeURIComponent(String(first.next_cursor))}`);
    expect(rest.files.map(({ id }) => id)).toEqual([shared[2]?.id, shared[3]?.id, late.id]);
  });

  test('filters by type, uploader and name', async () => {
    const room = newChatRoom();
    await share(room, pngFile(), 'Rechnung März.png');
    await share(room, pdfFile(), 'rechnung.pdf', room.agent);
    await share(room, textFile(), '100%_sicher.txt');
    const names = async (query: string) =>
      (await listFiles(server().baseUrl, room, query)).files.map(({ name }) => name);
    expect(await names('&mime_type=image/png')).toEqual(['Rechnung März.png']);
    expect(await names('&uploader=agent')).toEqual(['rechnung.pdf']);
    expect(await names('&q=rechnung')).toEqual(['Rechnung März.png', 'rechnung.pdf']);
    expect(await names(`&q=${encodeURIComponent('%_')}`)).toEqual(['100%_sicher.txt']);
    expect(await names(`&q=${encodeURIComponent('März')}&uploader=user`)).toEqual(['Rechnung März.png']);
    const filtered = await listFiles(server().baseUrl, room, '&q=rechnung&limit=1');
    expect(filtered.count).toBe(2);
  });

  test.each([
    'limit=abc',
    'limit=-1',
    'limit=0',
    'cursor=%00%ff',
    'cursor=nonsense',
    'uploader=somebody',
    'limit=1&limit=2',
  ])('%s is no server error', async (query) => {
    const room = newChatRoom();
    const path = `/api/chat/files/?company_id=${room.company}&session_id=${room.session}&${query}`;
    expect([200, 400]).toContain((await get(server().baseUrl, path, room.visitor)).status);
  });

  test('seq is the ledger’s place: it grows with every change', async () => {
    const room = newChatRoom();
    const before = (await listFiles(server().baseUrl, room)).seq;
    const file = await share(room, pngFile(), 'a.png');
    const after = (await listFiles(server().baseUrl, room)).seq;
    expect(file.seq).toBeGreaterThan(before);
    expect(after).toBeGreaterThanOrEqual(file.seq);
    await remove(file.id, room.visitor);
    expect((await listFiles(server().baseUrl, room)).seq).toBeGreaterThan(after);
  });

  test('without company and session it is the token’s own session', async () => {
    const room = newChatRoom();
    const file = await share(room, pngFile(), 'a.png');
    const answer = await get(server().baseUrl, '/api/chat/files/', room.visitor);
    expect(answer.status).toBe(200);
    expect(jsonOf<{ files: ChatFile[] }>(answer).files.map(({ id }) => id)).toEqual([file.id]);
  });

  test('is never kept by a cache', async () => {
    const room = newChatRoom();
    const path = `/api/chat/files/?company_id=${room.company}&session_id=${room.session}`;
    const answer = await get(server().baseUrl, path, room.visitor);
    expect(answer.headers['cache-control']).toMatch(/no-store|private/);
  });
});

describe('removal', () => {
  test('takes row and bytes; everything about the file is 404 then', async () => {
    const room = newChatRoom();
    const before = await storedFiles(server().dataDir);
    const file = await share(room, body, 'film.mp4');
    expect((await storedFiles(server().dataDir)).length).toBeGreaterThan(before.length);
    expect((await remove(file.id, room.visitor)).status).toBe(204);
    for (const path of ['', 'content']) {
      expect((await get(server().baseUrl, `/api/chat/files/${file.id}/${path}`, room.visitor)).status).toBe(404);
    }
    expect((await remove(file.id, room.visitor)).status).toBe(404);
    expect((await listFiles(server().baseUrl, room)).count).toBe(0);
    const link = await send({ method: 'GET', url: file.url });
    expect(link.status).toBe(404);
    await eventually('the bytes are gone', async () => {
      const after = await storedFiles(server().dataDir);
      return after.every((path) => before.includes(path));
    });
  });
});

describe('the bytes', () => {
  const ways: Array<[string, (file: ChatFile, room: ChatRoom, headers?: Headers) => Promise<WireAnswer>]> = [
    ['by token', (file, room, headers) => content(file.id, room.visitor, headers)],
    ['by signed link', (file, _room, headers) => send({ method: 'GET', url: file.url, headers })],
  ];
  type Headers = Record<string, string>;

  describe.each(ways)('%s', (_way, fetchBytes) => {
    test('come whole, with the headers that keep a browser safe', async () => {
      const room = newChatRoom();
      const file = await share(room, body, 'film.mp4');
      const answer = await fetchBytes(file, room);
      expect(answer.status).toBe(200);
      expect(answer.body.equals(body)).toBe(true);
      expect(answer.headers).toMatchObject({
        'content-type': 'video/mp4',
        'content-length': '100000',
        'accept-ranges': 'bytes',
        'x-content-type-options': 'nosniff',
      });
      expect(answer.headers['content-security-policy']).toContain('sandbox');
      expect(answer.headers['cache-control']).toContain('private');
      expect(answer.headers.etag).toMatch(/^"[^"]+"$/);
    });

    test.each([
      ['bytes=0-99', 0, 99],
      ['bytes=500-', 500, 99_999],
      ['bytes=-10', 99_990, 99_999],
      ['bytes=99999-200000', 99_999, 99_999],
    ])('%s is 206', async (range, first, last) => {
      const room = newChatRoom();
      const file = await share(room, body, 'film.mp4');
      const answer = await fetchBytes(file, room, { range });
      expect(answer.status).toBe(206);
      expect(answer.headers['content-range']).toBe(`bytes ${first}-${last}/100000`);
      expect(answer.headers['content-length']).toBe(String(last - first + 1));
      expect(answer.headers['x-content-type-options']).toBe('nosniff');
      expect(answer.body.equals(body.subarray(first, last + 1))).toBe(true);
    });

    test('a range outside the file is 416 with its size', async () => {
      const room = newChatRoom();
      const file = await share(room, body, 'film.mp4');
      const answer = await fetchBytes(file, room, { range: 'bytes=100000-' });
      expect([answer.status, answer.headers['content-range']]).toEqual([416, 'bytes */100000']);
    });

    test.each(['bytes=abc', 'lines=0-5', 'bytes=9-5', 'bytes=0-1,5-6'])('%s is no error', async (range) => {
      const room = newChatRoom();
      const file = await share(room, body, 'film.mp4');
      const answer = await fetchBytes(file, room, { range });
      expect([200, 206, 416]).toContain(answer.status);
      if (answer.status === 200) expect(answer.body.equals(body)).toBe(true);
    });

    test('If-None-Match is 304, If-Range decides between part and whole', async () => {
      const room = newChatRoom();
      const file = await share(room, body, 'film.mp4');
      const etag = String((await fetchBytes(file, room)).headers.etag);
      const unchanged = await fetchBytes(file, room, { 'if-none-match': etag });
      expect([unchanged.status, unchanged.body.length, unchanged.headers.etag]).toEqual([304, 0, etag]);
      expect((await fetchBytes(file, room, { 'if-none-match': '"other"' })).status).toBe(200);
      const range = 'bytes=0-9';
      expect((await fetchBytes(file, room, { range, 'if-range': etag })).status).toBe(206);
      const whole = await fetchBytes(file, room, { range, 'if-range': '"other"' });
      expect([whole.status, whole.body.length]).toEqual([200, 100_000]);
    });

    test('are named as in RFC 8187, and shown inline only where that is harmless', async () => {
      const room = newChatRoom();
      const name = 'Zürich – "写真" 100%.png';
      const picture = await share(room, pngFile(), name);
      const shown = String((await fetchBytes(picture, room)).headers['content-disposition']);
      expect(shown).toMatch(/^inline/);
      const encoded = /filename\*=UTF-8''([^;]+)/i.exec(shown)?.[1];
      expect(decodeURIComponent(String(encoded))).toBe(picture.name);
      expect(shown).not.toMatch(/[^\x20-\x7e]/);

      const text = await share(room, textFile(), 'notes.txt');
      const answer = await fetchBytes(text, room);
      // A store that has addresses of its own gives out itself what is to be saved.
      const kept = answer.status === 302 ? await send({ method: 'GET', url: String(answer.headers.location) }) : answer;
      expect(kept.headers['content-disposition']).toMatch(/^attachment/);
      expect(kept.headers['content-type']).toMatch(/^text\/plain/);
    });
  });

  test('a HEAD says what GET would, without the bytes', async () => {
    const room = newChatRoom();
    const file = await share(room, body, 'film.mp4');
    const answer = await send({ method: 'HEAD', url: file.url });
    expect([answer.status, answer.headers['content-length'], answer.body.length]).toEqual([200, '100000', 0]);
  });
});

describe('a signed link', () => {
  test('opens without a token; the file’s own does not open another', async () => {
    const room = newChatRoom();
    const one = await share(room, pngFile({ seed: 1 }), 'one.png');
    const two = await share(room, pngFile({ seed: 2 }), 'two.png');
    const swapped = new URL(one.url);
    swapped.pathname = new URL(two.url).pathname;
    await expectNoBytes(swapped.href);
  });

  test('altered in any part is 403', async () => {
    const room = newChatRoom();
    const { url } = await share(room, pngFile(), 'one.png');
    const alter = (change: (link: URL) => void) => {
      const link = new URL(url);
      change(link);
      return link.href;
    };
    const expires = Number(new URL(url).searchParams.get('expires'));
    expect(Number.isFinite(expires)).toBe(true);
    await expectNoBytes(alter((link) => link.searchParams.set('expires', String(expires + 1))));
    await expectNoBytes(alter((link) => link.searchParams.set('expires', 'never')));
    await expectNoBytes(alter((link) => link.searchParams.delete('expires')));
    await expectNoBytes(alter((link) => link.searchParams.append('expires', String(expires + 1))));
    await expectNoBytes(alter((link) => link.searchParams.set('disposition', 'other')));
    await expectNoBytes(alter((link) => link.searchParams.delete('signature')));
    await expectNoBytes(alter((link) => link.searchParams.set('signature', '')));
    await expectNoBytes(alter((link) => link.searchParams.set('signature', 'A'.repeat(43))));
    await expectNoBytes(
      alter((link) => {
        link.search = '';
      }),
    );
  });

  test('to a place outside the store is refused before anything is opened', async () => {
    const room = newChatRoom();
    const { url } = await share(room, pngFile(), 'one.png');
    const { search, origin } = new URL(url);
    for (const path of ['/media/../../../../etc/passwd', '/media/%2e%2e/%2e%2e/chatdrop.sqlite', '/media/', '/media']) {
      const answer = await send({ method: 'GET', url: `${origin}${path}${search}` });
      expect([400, 403, 404]).toContain(answer.status);
    }
  });

  describe('with a short life', () => {
    const shortLived = chatdropForSuite({ env: { SIGNED_URL_EXPIRY: '2s' } });

    test('ends: 403 link-expired', async () => {
      const room = newChatRoom();
      const file = await shareFile({ baseUrl: shortLived().baseUrl, room, body: pngFile(), name: 'a.png' });
      expect((await send({ method: 'GET', url: file.url })).status).toBe(200);
      const expired = await eventually('the link ends', async () => {
        const answer = await send({ method: 'GET', url: file.url });
        return answer.status === 200 ? undefined : answer;
      });
      expect([expired.status, codeOf(expired)]).toEqual([403, 'link-expired']);
      const fresh = jsonOf<ChatFile>(await get(shortLived().baseUrl, `/api/chat/files/${file.id}/`, room.visitor));
      expect((await send({ method: 'GET', url: fresh.url })).status).toBe(200);
    });
  });

  test('survives a restart', async () => {
    const room = newChatRoom();
    const file = await share(room, pngFile(), 'a.png');
    await server().restart();
    expect((await send({ method: 'GET', url: file.url })).status).toBe(200);
  });
});

describe('around the files', () => {
  test('the caller’s limits, and who the caller is', async () => {
    const { company, session, visitor, agent } = newChatRoom();
    const answer = await get(server().baseUrl, '/api/chat/config/', visitor);
    expect(answer.status).toBe(200);
    const config = jsonOf<ChatConfig>(answer);
    expect(config).toMatchObject({ max_file_size: 25 * 1024 * 1024, upload_expiry: 24 * 3600 });
    expect(config.allowed_types).toEqual(expect.arrayContaining(['application/pdf']));
    expect(new URL(config.tus_endpoint, server().baseUrl).pathname).toBe('/api/chat/tus/');
    expect(config.caller).toEqual({ role: 'user', company_id: company, session_id: session });
    const toAgent = jsonOf<ChatConfig>(await get(server().baseUrl, '/api/chat/config/', agent));
    expect(toAgent.caller).toEqual({ role: 'agent', company_id: company, session_id: null });
  });

  test('unfinished uploads show how far they are, and vanish when they finish', async () => {
    const room = newChatRoom();
    const file = pngFile({ bytes: 20_000 });
    const created = await create({
      baseUrl: server().baseUrl,
      token: room.visitor,
      length: 20_000,
      body: file.subarray(0, 7000),
      metadata: { filename: 'a.png', filetype: 'image/png', file_key: 'k' },
    });
    const [upload] = await listUploads(server().baseUrl, room);
    expect(upload).toMatchObject({
      name: 'a.png',
      mime_type: 'image/png',
      size: 20_000,
      offset: 7000,
      file_key: 'k',
      uploader: 'user',
      state: 'uploading',
    });
    expect(new URL(String(upload?.upload_url), server().baseUrl).href).toBe(created.url);
    expect(Date.parse(String(upload?.expires_at))).toBeGreaterThan(Date.now());
    await patch({ url: created.url, token: room.visitor, offset: 7000, body: file.subarray(7000) });
    expect(await listUploads(server().baseUrl, room)).toEqual([]);
  });

  test.each(['/healthz', '/readyz'])('%s is open to all', async (path) => {
    expect((await get(server().baseUrl, path)).status).toBe(200);
  });

  test('what is nowhere is a 404 problem, a wrong verb a 405 or 404', async () => {
    const { visitor } = newChatRoom();
    const missing = await get(server().baseUrl, '/api/chat/nothing/', visitor);
    expect([missing.status, codeOf(missing)]).toEqual([404, 'not-found']);
    expect(jsonOf<object>(missing)).toMatchObject({
      type: expect.any(String),
      title: expect.any(String),
      status: 404,
      detail: expect.any(String),
    });
    const wrong = await send({ method: 'PUT', url: `${server().baseUrl}/api/chat/files/`, headers: bearer(visitor) });
    expect([404, 405]).toContain(wrong.status);
  });
});

async function share(room: ChatRoom, content: Buffer, name: string, token = room.visitor): Promise<ChatFile> {
  return await shareFile({ baseUrl: server().baseUrl, room, token, body: content, name });
}

async function content(id: number, token: string, headers: Record<string, string> = {}): Promise<WireAnswer> {
  return await get(server().baseUrl, `/api/chat/files/${id}/content`, token, headers);
}

async function remove(id: number, token: string): Promise<WireAnswer> {
  return await send({ method: 'DELETE', url: `${server().baseUrl}/api/chat/files/${id}/`, headers: bearer(token) });
}

async function expectNoBytes(url: string): Promise<void> {
  const answer = await send({ method: 'GET', url });
  expect([answer.status, codeOf(answer)]).toEqual([403, 'link-invalid']);
}

function withoutLinks(file: ChatFile | undefined): Partial<ChatFile> {
  const { url: _url, thumbnail: _thumbnail, ...rest } = file ?? ({} as ChatFile);
  return rest;
}
