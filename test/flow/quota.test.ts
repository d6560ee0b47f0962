/** Limits that hold when many ask at once: the quota of a company, and what one user may have on the way. */
import { describe, expect, test } from 'vitest';
import { bearer, codeOf, listFiles, listUploads, shareFile, storedFiles } from '../services/chat-api.ts';
import { type ChatRoom, newChatRoom } from '../services/chat-room.ts';
import { startChatdrop } from '../services/chatdrop-process.ts';
import { chatdropForSuite } from '../services/chatdrop-suite.ts';
import { eventually } from '../services/eventually.ts';
import { pngFile, textFile } from '../services/fixtures.ts';
import { agentToken, visitorToken } from '../services/tokens.ts';
import { type Created, type CreateOptions, create, head, offsetOf, patch, terminate } from '../services/tus-wire.ts';
import { jsonOf, send } from '../services/wire.ts';

const MB = 1024 * 1024;
const AT_ONCE = 50;
const ROOM_FOR = 10;

describe('the quota of a company', () => {
  const server = chatdropForSuite({ env: { CHAT_COMPANY_QUOTA: '10MB', CHAT_MAX_FILE_SIZE: '8MB' } });
  const start = (token: string, length: number | undefined, more: Partial<CreateOptions> = {}) =>
    create({ baseUrl: server().baseUrl, token, length, deferLength: length === undefined, ...more });
  /** Takes all but `leftBytes` of the quota by uploads that stay open. */
  const fill = async (room: ChatRoom, leftBytes = 0): Promise<Created[]> => {
    const sizes = [8 * MB, 2 * MB - leftBytes].filter((size) => size > 0);
    const filled: Created[] = [];
    for (const size of sizes) filled.push(await start(room.visitor, size));
    expect(filled.map(({ status }) => status)).toEqual(sizes.map(() => 201));
    return filled;
  };

  test.each<[string, number | undefined]>([
    ['of a known length', MB],
    ['of a length to come', undefined],
  ])('with room for ten of fifty uploads %s exactly ten start, whoever asks', async (_name, length) => {
    const { company } = newChatRoom();
    const rooms = Array.from({ length: AT_ONCE }, () => newChatRoom(company));
    const answers = await Promise.all(
      rooms.map((room, n) => {
        const token = n % 2 === 0 ? room.visitor : agentToken(company, `agent-${n}`, room.session);
        return start(token, length);
      }),
    );
    const refused = answers.filter(({ status }) => status !== 201);
    expect(answers.length - refused.length).toBe(ROOM_FOR);
    for (const answer of refused) {
      expect([answer.status, codeOf(answer), answer.url]).toEqual([507, 'quota-exceeded', '']);
      expect(jsonOf<{ detail: string }>(answer).detail).toMatch(/10 MB.*removed first/);
    }
    const listed = await Promise.all(rooms.map((room) => listUploads(server().baseUrl, room)));
    expect(listed.flat()).toHaveLength(ROOM_FOR);
    expect((await start(newChatRoom().visitor, 8 * MB)).status).toBe(201);
  });

  test('a refused creation that brings its bytes leaves none of them', async () => {
    const room = newChatRoom();
    await fill(room);
    const before = await storedFiles(server().dataDir);
    const refused = await start(room.visitor, undefined, { deferLength: false, body: pngFile() });
    expect([refused.status, codeOf(refused)]).toEqual([507, 'quota-exceeded']);
    expect(await storedFiles(server().dataDir)).toEqual(before);
    expect((await listFiles(server().baseUrl, room)).count).toBe(0);
  });

  test('is met exactly: what is left can be used to the last byte, an empty file always fits', async () => {
    const room = newChatRoom();
    const { length } = pngFile();
    await fill(room, length);
    expect((await start(room.visitor, length + 1)).status).toBe(507);
    await shareFile({ baseUrl: server().baseUrl, room, body: pngFile() });
    expect((await start(room.visitor, 1)).status).toBe(507);
    expect((await start(room.visitor, 0)).status).toBe(201);
  });

  const remove = (path: string, token: string) =>
    send({ method: 'DELETE', url: server().baseUrl + path, headers: bearer(token) });
  const GIVES_BACK: Record<string, (room: ChatRoom) => Promise<unknown>> = {
    'an upload that its client ends': async (room) => {
      const [, small] = await fill(room);
      expect((await terminate(small?.url ?? '', room.visitor)).status).toBe(204);
    },
    'an upload that is refused for its bytes': async (room) => {
      const [, small] = await fill(room);
      const body = Buffer.concat([Buffer.from('MZ'), Buffer.alloc(8000)]);
      expect((await patch({ url: small?.url ?? '', token: room.visitor, offset: 0, body })).status).toBe(415);
    },
    'a file that is removed': async (room) => {
      const body = pngFile({ bytes: 2 * MB });
      const file = await shareFile({ baseUrl: server().baseUrl, room, body });
      expect((await start(room.visitor, 8 * MB)).status).toBe(201);
      expect((await start(room.visitor, 1)).status).toBe(507);
      expect((await remove(`/api/chat/files/${file.id}/`, room.agent)).status).toBe(204);
    },
    'a session that is removed, with what it shared and what was on its way': async (room) => {
      const gone = newChatRoom(room.company);
      const body = pngFile({ bytes: MB });
      await shareFile({ baseUrl: server().baseUrl, room: gone, body });
      expect((await start(gone.visitor, MB)).status).toBe(201);
      expect((await start(room.visitor, 8 * MB)).status).toBe(201);
      expect((await start(room.visitor, 1)).status).toBe(507);
      expect((await remove(`/api/chat/sessions/${gone.session}/`, room.agent)).status).toBe(204);
    },
  };
  test.each(Object.entries(GIVES_BACK))('is given back by %s, no more and no less', async (_name, giveBack) => {
    const room = newChatRoom();
    await giveBack(room);
    expect((await start(room.visitor, 2 * MB + 1)).status).toBe(507);
    expect((await start(room.visitor, 2 * MB)).status).toBe(201);
    expect((await start(room.visitor, 1)).status).toBe(507);
  });

  test('a length that comes later has to fit; until it does the upload stays as it was', async () => {
    const room = newChatRoom();
    const growing = await start(room.visitor, undefined);
    const other = await start(room.visitor, 8 * MB);
    const body = pngFile({ bytes: pngFile().length + 1000 });
    const declare = (length: number) =>
      patch({
        url: growing.url,
        token: room.visitor,
        offset: 0,
        body,
        headers: { 'upload-length': String(length) },
      });
    const refused = await declare(3 * MB);
    expect([refused.status, codeOf(refused)]).toEqual([507, 'quota-exceeded']);
    const standing = await head(growing.url, room.visitor);
    expect([offsetOf(standing), standing.headers['upload-defer-length']]).toEqual([0, '1']);
    await terminate(other.url, room.visitor);
    expect((await declare(3 * MB)).status).toBe(204);
    expect((await start(room.visitor, 7 * MB + 1)).status).toBe(507);
    expect((await start(room.visitor, 7 * MB)).status).toBe(201);
  });

  test('bytes of a length to come are kept up to the quota, and go on when there is room', async () => {
    const room = newChatRoom();
    const growing = await start(room.visitor, undefined);
    const other = await start(room.visitor, 8 * MB);
    const body = pngFile({ bytes: pngFile().length + 4 * MB });
    const refused = await patch({ url: growing.url, token: room.visitor, offset: 0, body });
    expect([refused.status, codeOf(refused)]).toEqual([507, 'quota-exceeded']);
    const offset = offsetOf(await head(growing.url, room.visitor));
    expect(offset).toBeLessThanOrEqual(2 * MB);
    await terminate(other.url, room.visitor);
    const rest = await patch({
      url: growing.url,
      token: room.visitor,
      offset,
      body: body.subarray(offset),
      headers: { 'upload-length': String(body.length) },
    });
    expect([rest.status, offsetOf(rest)]).toEqual([204, body.length]);
    expect((await listFiles(server().baseUrl, room)).files).toMatchObject([{ size: body.length }]);
    expect((await start(room.visitor, 10 * MB - body.length + 1)).status).toBe(507);
  });

  describe('taken by a file that comes in parts', () => {
    const startPart = (room: ChatRoom, length: number) =>
      start(room.visitor, length, { headers: { 'upload-concat': 'partial' } });
    const join = (room: ChatRoom, urls: string[], metadata: Record<string, string> = {}) =>
      start(room.visitor, undefined, {
        deferLength: false,
        metadata,
        headers: { 'upload-concat': `final;${urls.join(' ')}` },
      });
    const sendPart = async (room: ChatRoom, body: Buffer) => {
      const part = await startPart(room, body.length);
      expect((await patch({ url: part.url, token: room.visitor, offset: 0, body })).status).toBe(204);
      return part.url;
    };

    test('is the file’s size, once: while it arrives, while it is joined, and after', async () => {
      const room = newChatRoom();
      const body = pngFile({ bytes: 6 * MB });
      const urls = [await sendPart(room, body.subarray(0, 3 * MB)), await sendPart(room, body.subarray(3 * MB))];
      expect((await startPart(room, 4 * MB + 1)).status).toBe(507);
      expect((await start(room.visitor, 4 * MB)).status).toBe(201);
      const final = await join(room, urls);
      expect([final.status, final.headers['chat-file-id']]).toEqual([201, expect.anything()]);
      expect((await listFiles(server().baseUrl, room)).files).toMatchObject([{ size: body.length }]);
      expect((await start(room.visitor, 1)).status).toBe(507);
    });

    test('counts a part for each time that it is used', async () => {
      const room = newChatRoom();
      const url = await sendPart(room, textFile(4 * MB));
      const other = await start(room.visitor, 3 * MB);
      const refused = await join(room, [url, url]);
      expect([refused.status, codeOf(refused)]).toEqual([507, 'quota-exceeded']);
      await terminate(other.url, room.visitor);
      expect((await join(room, [url, url])).status).toBe(201);
      expect((await start(room.visitor, 2 * MB + 1)).status).toBe(507);
      expect((await start(room.visitor, 2 * MB)).status).toBe(201);
    });

    test.each<[string, (room: ChatRoom, url: string) => Promise<Created[]>]>([
      ['used seven times', async (room, url) => [await join(room, Array(7).fill(url))]],
      [
        'that seven files wait for',
        (room, url) => Promise.all(Array.from({ length: 7 }, (_, n) => join(room, [url], { file_key: String(n) }))),
      ],
    ])(
      'counts a part of a length to come, %s: what is too much is refused, and its room is free again',
      async (_what, joinAll) => {
        const room = newChatRoom();
        await start(room.visitor, 6 * MB);
        const deferred = { headers: { 'upload-concat': 'partial' } };
        const part = await start(room.visitor, undefined, deferred);
        const finals = await joinAll(room, part.url);
        expect(finals.map(({ status }) => status)).toEqual(finals.map(() => 201));
        const body = textFile(MB);
        const headers = { 'upload-length': String(body.length) };
        expect((await patch({ url: part.url, token: room.visitor, offset: 0, body, headers })).status).toBe(204);
        const ended = await Promise.all(
          finals.map(({ url }) =>
            eventually('its end', async () => {
              const answer = await head(url, room.visitor);
              return (answer.status === 410 || answer.headers['chat-file-id'] !== undefined) && answer;
            }),
          ),
        );
        expect(ended.map(({ status }) => status)).toContain(410);
        const { files } = await listFiles(server().baseUrl, room);
        const storedBytes = files.reduce((sum, { size }) => sum + size, 0);
        expect(storedBytes).toBeLessThanOrEqual(4 * MB);
        expect((await start(newChatRoom(room.company).visitor, 4 * MB - storedBytes)).status).toBe(201);
      },
    );
  });

  test('many that grow at once never hold more than there is', async () => {
    const room = newChatRoom();
    const growing = await Promise.all(Array.from({ length: 8 }, () => start(room.visitor, undefined)));
    const body = pngFile({ bytes: pngFile().length + 3 * MB });
    const answers = await Promise.all(growing.map(({ url }) => patch({ url, token: room.visitor, offset: 0, body })));
    expect(answers.map(({ status }) => status)).toContain(507);
    expect(answers.every(({ status }) => status === 204 || status === 507)).toBe(true);
    const offsets = await Promise.all(growing.map(async ({ url }) => offsetOf(await head(url, room.visitor))));
    expect(offsets.reduce((sum, offset) => sum + offset, 0)).toBeLessThanOrEqual(10 * MB);
  });
});

test('the quota outlives a restart, an upload that expires gives its bytes back, and a wrong counter is mended', async () => {
  const server = await startChatdrop({ env: { CHAT_COMPANY_QUOTA: '1000', UPLOAD_EXPIRY: '1h' } });
  try {
    const { baseUrl } = server;
    const [room, other] = [newChatRoom(), newChatRoom()];
    const start = async (token: string, length: number) => (await create({ baseUrl, token, length })).status;
    const expiring = await create({ baseUrl, token: room.visitor, length: 1000 });
    expect([expiring.status, await start(room.visitor, 1)]).toEqual([201, 507]);
    await server.kill('SIGKILL');
    const database = await server.openDatabase();
    await database('company_usage').insert({ company_id: other.company, bytes: 1000 });
    await database('uploads').update({ expires_at: 1 });
    await database.destroy();
    await server.restart();
    expect(server.logs()).toContain('counted wrong');
    expect((await head(expiring.url, room.visitor)).status).toBe(410);
    expect(await start(room.visitor, 1000)).toBe(201);
    expect([await start(other.visitor, 1001), await start(other.visitor, 1000)]).toEqual([507, 201]);
    await server.kill('SIGKILL');
    await server.restart();
    expect(await start(other.visitor, 1)).toBe(507);
  } finally {
    await server.stop();
  }
}, 90_000);

describe('what one user has on the way', () => {
  const server = chatdropForSuite({
    env: { CHAT_MAX_PENDING_UPLOADS: String(ROOM_FOR), CHAT_MAX_PENDING_SIZE: '20MB' },
  });
  const start = (token: string, session: string, length: number | undefined) =>
    create({
      baseUrl: server().baseUrl,
      token,
      length,
      deferLength: length === undefined,
      metadata: { session_id: session },
    });

  test.each<[string, number]>([
    ['in number: with room for ten', 1],
    ['in bytes: with room for ten of two megabytes', 2 * MB],
  ])('is bounded %s of fifty at once exactly ten start', async (_name, length) => {
    for (const role of ['visitor', 'agent'] as const) {
      const room = newChatRoom();
      const elsewhere = newChatRoom(room.company);
      // A visitor comes from two devices, an agent works in two sessions.
      const phone = visitorToken(room.company, room.session, { sub: 'phone' });
      const answers = await Promise.all(
        Array.from({ length: AT_ONCE }, (_, n) => {
          if (role === 'visitor') return start(n % 2 === 0 ? room.visitor : phone, room.session, length);
          return start(room.agent, (n % 2 === 0 ? room : elsewhere).session, length);
        }),
      );
      const refused = answers.filter(({ status }) => status !== 201);
      expect(answers.length - refused.length).toBe(ROOM_FOR);
      for (const answer of refused)
        expect([answer.status, codeOf(answer), answer.headers['retry-after']]).toEqual([429, 'rate-limited', '60']);
      const other = role === 'visitor' ? room.agent : room.visitor;
      expect((await start(other, room.session, length)).status).toBe(201);
      const first = answers.find(({ status }) => status === 201) as Created;
      await terminate(first.url, role === 'visitor' ? room.visitor : room.agent);
      expect((await start(role === 'visitor' ? phone : room.agent, room.session, length)).status).toBe(201);
    }
  });

  test('is bounded also where a file comes in parts', async () => {
    const room = newChatRoom();
    const part = { headers: { 'upload-concat': 'partial' } };
    const startPart = (length: number) => create({ baseUrl: server().baseUrl, token: room.visitor, length, ...part });
    expect((await startPart(20 * MB)).status).toBe(201);
    expect((await startPart(1)).status).toBe(429);
    const other = newChatRoom();
    const answers = await Promise.all(
      Array.from({ length: AT_ONCE }, () =>
        create({ baseUrl: server().baseUrl, token: other.visitor, length: 1, ...part }),
      ),
    );
    expect(answers.filter(({ status }) => status === 201)).toHaveLength(ROOM_FOR);
  });

  test('is bounded in bytes also while a length is to come', async () => {
    const room = newChatRoom();
    const growing = await start(room.visitor, room.session, undefined);
    expect((await start(room.visitor, room.session, 18 * MB)).status).toBe(201);
    const body = pngFile({ bytes: pngFile().length + 4 * MB });
    const refused = await patch({ url: growing.url, token: room.visitor, offset: 0, body });
    expect([refused.status, codeOf(refused)]).toEqual([429, 'rate-limited']);
    expect(offsetOf(await head(growing.url, room.visitor))).toBeLessThanOrEqual(2 * MB);
  });
});
