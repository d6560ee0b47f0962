/** Links to files: taken back at once, at an origin of their own, and answered so that nothing in a file can run. */
import { describe, expect, test } from 'vitest';
import type { ChatFile } from '../../server/contract/chat-file.ts';
import { bearer, codeOf, get, listFiles, shareFile } from '../services/chat-api.ts';
import { type ChatRoom, newChatRoom } from '../services/chat-room.ts';
import { chatdropForSuite } from '../services/chatdrop-suite.ts';
import { pdfFile, pngFile, textFile } from '../services/fixtures.ts';
import { recordSocket } from '../services/socket-recorder.ts';
import { jsonOf, send, type WireAnswer } from '../services/wire.ts';

const server = chatdropForSuite();

describe('links that are taken back', () => {
  test('of one file: old ones are void, new ones work, everybody is told, other files are as they were', async () => {
    const { baseUrl } = server();
    const room = newChatRoom();
    const file = await share(room, pngFile());
    const other = await share(room, pdfFile());
    const watcher = recordSocket({ baseUrl, auth: { token: room.agent, session_id: room.session } });
    try {
      await watcher.waitForEvent('connection_established');
      expect(await statusOf(file.url)).toEqual([200, '']);
      expect((await call('DELETE', `/api/chat/files/${file.id}/links/`, room.agent)).status).toBe(204);
      expect(await statusOf(file.url)).toEqual([403, 'link-invalid']);
      expect(await statusOf(other.url)).toEqual([200, '']);
      const { payload } = await watcher.waitForEvent('file_updated');
      expect([payload.id, payload.company_id, payload.session_id]).toEqual([file.id, room.company, room.session]);
      expect(payload.seq).toBeGreaterThan(other.seq);
      expect(await statusOf(payload.url)).toEqual([200, '']);
      const [listed] = (await listFiles(baseUrl, room)).files;
      expect([listed?.id, (await statusOf(String(listed?.url)))[0]]).toEqual([file.id, 200]);
      // Again: the second generation goes as the first did.
      expect((await call('DELETE', `/api/chat/files/${file.id}/links`, room.visitor)).status).toBe(204);
      expect(await statusOf(payload.url)).toEqual([403, 'link-invalid']);
      expect(await statusOf(String(listed?.url))).toEqual([403, 'link-invalid']);
      // Without a link the token still opens it.
      expect((await get(baseUrl, `/api/chat/files/${file.id}/content`, room.visitor)).status).toBe(200);
    } finally {
      watcher.close();
    }
  });

  test('of a session: all of its files, and no other session’s', async () => {
    const room = newChatRoom();
    const elsewhere = newChatRoom(room.company);
    const files = [await share(room, pngFile()), await share(room, pdfFile())];
    const foreign = await share(elsewhere, pngFile());
    expect((await call('DELETE', `/api/chat/sessions/${room.session}/links/`, room.agent)).status).toBe(204);
    for (const { url } of files) expect(await statusOf(url)).toEqual([403, 'link-invalid']);
    expect(await statusOf(foreign.url)).toEqual([200, '']);
    for (const { url } of (await listFiles(server().baseUrl, room)).files)
      expect(await statusOf(url)).toEqual([200, '']);
  });

  test('an epoch that is altered, or of another time, opens nothing', async () => {
    const room = newChatRoom();
    const file = await share(room, pngFile());
    await call('DELETE', `/api/chat/files/${file.id}/links/`, room.agent);
    const [fresh] = (await listFiles(server().baseUrl, room)).files;
    const url = String(fresh?.url);
    for (const altered of [
      url.replace('&epoch=1', ''),
      url.replace('&epoch=1', '&epoch=0'),
      url.replace('&epoch=1', '&epoch=2'),
      `${file.url}&epoch=1`,
      `${url}&epoch=1`,
    ])
      expect(await statusOf(altered)).toEqual([403, 'link-invalid']);
    expect(await statusOf(url)).toEqual([200, '']);
  });

  test('who may: an agent any, a visitor their own file; others do not learn that it exists', async () => {
    const room = newChatRoom();
    const stranger = newChatRoom();
    const file = await share(room, pngFile());
    const answered = await share(room, pngFile({ seed: 2 }), room.agent);
    for (const [path, token, status] of [
      [`files/${answered.id}`, room.visitor, 403],
      [`files/${file.id}`, stranger.agent, 404],
      [`files/${file.id}`, undefined, 401],
      ['files/999999999', room.agent, 404],
      [`sessions/${room.session}`, room.visitor, 403],
      [`sessions/${room.session}`, stranger.visitor, 404],
      [`sessions/${stranger.session}`, room.visitor, 404],
      ['sessions/nothing-here', newChatRoom(room.company).agent, 404],
      [`sessions/${room.session}`, undefined, 401],
    ] as const)
      expect([path, (await call('DELETE', `/api/chat/${path}/links/`, token)).status]).toEqual([path, status]);
    expect(await statusOf(file.url)).toEqual([200, '']);
    expect(await statusOf(answered.url)).toEqual([200, '']);
  });

  test('at once with a removal of the session, again and again: no fault, and nothing is left behind', async () => {
    for (let round = 0; round < 5; round += 1) {
      const room = newChatRoom();
      const files = [
        await share(room, pngFile()),
        await share(room, pngFile({ seed: 2 })),
        await share(room, pdfFile()),
      ];
      const answers = await Promise.all([
        ...files.map(({ id }) => call('DELETE', `/api/chat/files/${id}/links/`, room.agent)),
        call('DELETE', `/api/chat/sessions/${room.session}/links/`, room.agent),
        call('DELETE', `/api/chat/sessions/${room.session}/`, room.agent),
        call('DELETE', `/api/chat/sessions/${room.session}/links/`, room.agent),
      ]);
      for (const { status } of answers) expect([204, 404]).toContain(status);
      expect((await listFiles(server().baseUrl, room)).count).toBe(0);
      for (const { url } of files) expect([403, 404]).toContain((await statusOf(url))[0]);
    }
  });

  test('a file that was removed is 404 by its last link', async () => {
    const room = newChatRoom();
    const file = await share(room, pngFile());
    await call('DELETE', `/api/chat/files/${file.id}/`, room.agent);
    expect(await statusOf(file.url)).toEqual([404, 'not-found']);
    expect((await call('DELETE', `/api/chat/files/${file.id}/links/`, room.agent)).status).toBe(404);
  });
});

describe('every answer with a user’s bytes', () => {
  test.each<[string, Buffer, string, string, 'inline' | 'attachment']>([
    ['a picture', pngFile(), 'a.png', 'image/png', 'inline'],
    ['a PDF', pdfFile(), 'a.pdf', 'application/pdf', 'attachment'],
    ['a text', textFile(), 'a.txt', 'text/plain; charset=utf-8', 'attachment'],
    [
      'GIF and script',
      Buffer.from('GIF89a\x01\x00\x01\x00\x00\x00\x00=1;alert(1)//;\x00'),
      'a.gif',
      'image/gif',
      'inline',
    ],
    ['PNG and ZIP', Buffer.concat([pngFile(), Buffer.from('PK\x03\x04rest')]), 'a.png', 'image/png', 'inline'],
    [
      'PDF and page',
      Buffer.from('%PDF-1.4\n1 0 obj\n(<html><script>alert(1)</script></html>)\nendobj\nstartxref\n9\n%%EOF\n'),
      'a.pdf',
      'application/pdf',
      'attachment',
    ],
  ])('%s, by link and by token', async (_what, body, name, type, disposition) => {
    const { baseUrl } = server();
    const room = newChatRoom();
    const file = await shareFile({ baseUrl, room, body, name });
    const content = `/api/chat/files/${file.id}/content`;
    const range = { range: 'bytes=0-3' };
    const answers: [string, WireAnswer][] = [
      ['link', await send({ method: 'GET', url: file.url })],
      ['link, in part', await send({ method: 'GET', url: file.url, headers: range })],
      ['link, HEAD', await send({ method: 'HEAD', url: file.url })],
      ['token', await get(baseUrl, content, room.visitor)],
      ['token, in part', await get(baseUrl, content, room.agent, range)],
    ];
    for (const [way, { headers, status }] of answers) {
      expect([way, [200, 206].includes(status)]).toEqual([way, true]);
      expect([way, headers['content-type'], headers['x-content-type-options']]).toEqual([way, type, 'nosniff']);
      const policy = String(headers['content-security-policy']).split(/;\s*/);
      expect(policy).toEqual(expect.arrayContaining(['sandbox', "default-src 'none'"]));
      expect(policy.some((directive) => /script|allow-|unsafe-eval/.test(directive))).toBe(false);
      const shownIn = way.startsWith('link') ? 'cross-origin' : 'same-origin';
      expect([way, headers['cross-origin-resource-policy']]).toEqual([way, shownIn]);
      expect(headers['referrer-policy']).toBe('no-referrer');
      expect(String(headers['cache-control'])).toMatch(/^private/);
      expect(String(headers['content-disposition'])).toMatch(new RegExp(`^${disposition}; filename="?a\\.`));
      expect(headers['set-cookie']).toBeUndefined();
    }
  });

  test('lists and refusals, which hold names, are what they say too', async () => {
    const { baseUrl } = server();
    const room = newChatRoom();
    const file = await shareFile({ baseUrl, room, body: pngFile(), name: '<script>alert(1)<⁄script>.png' });
    for (const answer of [
      await get(baseUrl, `/api/chat/files/${file.id}/`, room.visitor),
      await get(baseUrl, '/api/chat/files/', room.visitor),
      await send({ method: 'GET', url: `${file.url}x` }),
      await get(baseUrl, '/<script>alert(1)</script>'),
    ]) {
      expect(answer.headers['x-content-type-options']).toBe('nosniff');
      expect(String(answer.headers['content-type'])).toMatch(/^application\/(?:problem\+)?json/);
    }
  });

  test('a link says no more than the type allows, whatever was signed', async () => {
    const room = newChatRoom();
    const file = await share(room, pngFile());
    const asked = await get(
      server().baseUrl,
      `/api/chat/files/${file.id}/content?disposition=attachment`,
      room.visitor,
    );
    expect(String(asked.headers['content-disposition'])).toMatch(/^attachment/);
    const text = await shareFile({ baseUrl: server().baseUrl, room, body: textFile(), name: 'a.txt' });
    const inline = await get(server().baseUrl, `/api/chat/files/${text.id}/content?disposition=inline`, room.visitor);
    expect(String(inline.headers['content-disposition'])).toMatch(/^attachment/);
  });
});

describe('FILES_ORIGIN', () => {
  const apart = chatdropForSuite({
    env: { PUBLIC_URL: 'http://chat.test', FILES_ORIGIN: 'http://files.test' },
  });
  const at = (host: string, path: string, headers: Record<string, string | undefined> = {}, method = 'GET') =>
    send({ method, url: apart().baseUrl + path, headers: { host, ...headers } });

  test('links lead there, and files are there and nowhere else', async () => {
    const room = newChatRoom();
    const file = await shareFile({ baseUrl: apart().baseUrl, room, body: pngFile(), name: 'a.png' });
    expect(file.url).toMatch(/^http:\/\/files\.test\/media\//);
    const link = file.url.slice('http://files.test'.length);
    expect((await at('files.test', link)).body).toEqual(pngFile());
    expect((await at('FILES.test:80', link)).status).toBe(200);
    const old = await at('chat.test', link);
    expect([old.status, old.headers.location, old.body.length]).toEqual([308, file.url, 0]);
    // With a token the bytes stay where the API is.
    expect((await at('chat.test', `/api/chat/files/${file.id}/content`, bearer(room.visitor))).status).toBe(200);
  });

  test('what an answer of there means is said there', async () => {
    const refused = await at('files.test', '/media/chat/a/b/c.png?expires=1&disposition=inline&signature=x');
    const { type } = jsonOf<{ type: string }>(refused);
    expect([refused.status, (await at('files.test', type)).status]).toEqual([403, 200]);
    expect((await at('files.test', '/problemsx')).status).toBe(404);
  });

  test('nothing else is there', async () => {
    const room = newChatRoom();
    for (const path of [
      '/',
      '/widget.js',
      '/demo/',
      '/dashboard/',
      '/embed/?company_id=a',
      '/healthz',
      '/openapi.json',
    ])
      expect([path, (await at('files.test', path)).status]).toEqual([path, 404]);
    const list = await at('files.test', `/api/chat/files/?session_id=${room.session}`, bearer(room.visitor));
    expect([list.status, list.headers['set-cookie']]).toEqual([404, undefined]);
    const session = await at('files.test', '/api/auth/session/', bearer(room.visitor), 'POST');
    expect([session.status, session.headers['set-cookie']]).toEqual([404, undefined]);
    const socket = await at('files.test', '/socket.io/?EIO=4&transport=polling');
    expect(socket.status).toBe(403);
    expect((await at('chat.test', '/healthz')).status).toBe(200);
  });

  test('the pages may show what comes from there', async () => {
    const page = await at('chat.test', '/dashboard/');
    expect(String(page.headers['content-security-policy'])).toMatch(/img-src [^;]*http:\/\/files\.test/);
  });
});

async function share(room: ChatRoom, body: Buffer, token?: string): Promise<ChatFile> {
  return await shareFile({ baseUrl: server().baseUrl, room, body, ...(token === undefined ? {} : { token }) });
}

async function call(method: string, path: string, token?: string): Promise<WireAnswer> {
  return await send({ method, url: server().baseUrl + path, headers: bearer(token) });
}

async function statusOf(url: string): Promise<[number, string]> {
  const answer = await send({ method: 'GET', url });
  return [answer.status, codeOf(answer)];
}
