/** `GET /api/chat/sessions/`: what an agent finds of the company's chats. */
import { describe, expect, test } from 'vitest';
import type { SessionList } from '../../server/contract/chat-file.ts';
import { bearer, codeOf, get, shareFile } from '../services/chat-api.ts';
import { type ChatRoom, newChatRoom } from '../services/chat-room.ts';
import { chatdropForSuite } from '../services/chatdrop-suite.ts';
import { elfFile, pngFile } from '../services/fixtures.ts';
import { field, filePart, postParts } from '../services/multipart-wire.ts';
import { agentToken, visitorToken } from '../services/tokens.ts';
import { create } from '../services/tus-wire.ts';
import { jsonOf, send } from '../services/wire.ts';

const server = chatdropForSuite();
const PATH = '/api/chat/sessions/';

const share = (room: ChatRoom, name = 'a.png') => shareFile({ baseUrl: server().baseUrl, room, body: pngFile(), name });
async function list(token: string, query = ''): Promise<SessionList> {
  const answer = await get(server().baseUrl, PATH + query, token);
  expect(answer.status).toBe(200);
  return jsonOf<SessionList>(answer);
}
const remove = async (path: string, token: string) =>
  expect((await send({ method: 'DELETE', url: server().baseUrl + path, headers: bearer(token) })).status).toBe(204);

describe('what is in it', () => {
  test('a session with its last file, counts and uploads under way', async () => {
    const room = newChatRoom();
    await share(room);
    const last = await share(room, 'last.png');
    await create({ baseUrl: server().baseUrl, token: room.visitor, length: 100, metadata: { filename: 'b.png' } });
    const { sessions, next_cursor } = await list(room.agent);
    expect(next_cursor).toBeNull();
    expect(sessions).toEqual([
      {
        session_id: room.session,
        company_id: room.company,
        last_file: { ...last, url: expect.stringContaining('/media/chat/') },
        files_count: 2,
        uploads_under_way: 1,
        last_activity_at: expect.stringMatching(/^\d{4}-\d\d-\d\dT[\d:.]+Z$/),
      },
    ]);
    expect(Date.parse(sessions[0]?.last_activity_at ?? '')).toBeGreaterThanOrEqual(Date.parse(last.created_at));
  });

  test('a session appears with its first upload, and goes when nothing is left in it', async () => {
    const room = newChatRoom();
    expect((await list(room.agent)).sessions).toEqual([]);
    const { url } = await create({ baseUrl: server().baseUrl, token: room.visitor, length: 100 });
    expect((await list(room.agent)).sessions).toMatchObject([
      { last_file: null, files_count: 0, uploads_under_way: 1 },
    ]);
    await send({ method: 'DELETE', url, headers: { ...bearer(room.visitor), 'tus-resumable': '1.0.0' } });
    expect((await list(room.agent)).sessions).toEqual([]);
  });

  test('what was refused is no activity to be seen', async () => {
    const room = newChatRoom();
    await create({ baseUrl: server().baseUrl, token: room.visitor, body: elfFile() });
    expect((await list(room.agent)).sessions).toEqual([]);
  });

  test('with its last file removed the one before is the last; a deleted session is gone', async () => {
    const room = newChatRoom();
    const first = await share(room);
    const second = await share(room);
    await remove(`/api/chat/files/${second.id}/`, room.agent);
    expect((await list(room.agent)).sessions).toMatchObject([{ last_file: { id: first.id }, files_count: 1 }]);
    await remove(`${PATH}${room.session}/`, room.agent);
    expect((await list(room.agent)).sessions).toEqual([]);
  });

  test('a session that is named behind the file of a multipart upload is there too', async () => {
    const room = newChatRoom();
    const to = { baseUrl: server().baseUrl, token: room.agent };
    expect((await postParts(to, [filePart(pngFile()), field('session_id', room.session)])).status).toBe(201);
    expect((await list(room.agent)).sessions).toMatchObject([{ session_id: room.session, files_count: 1 }]);
  });
});

describe('the order and the pages', () => {
  test('newest activity first; each session once, over all pages', async () => {
    const rooms = [newChatRoom('company-of-many-sessions')];
    while (rooms.length < 7) rooms.push(newChatRoom('company-of-many-sessions'));
    const [oldest] = rooms as [ChatRoom];
    for (const room of rooms) await share(room);
    await share(oldest);
    const met: string[] = [];
    for (let cursor = ''; ; ) {
      const page = await list(oldest.agent, `?limit=3${cursor}`);
      expect(page.sessions.length).toBeLessThanOrEqual(3);
      met.push(...page.sessions.map(({ session_id }) => session_id));
      if (page.next_cursor === null) break;
      cursor = `&cursor=${page.next_cursor}`;
    }
    const others = rooms.slice(1).map(({ session }) => session);
    expect(met).toEqual([oldest.session, ...others.reverse()]);
  });
});

describe('for who follows the ledger', () => {
  test('seq is the ledger’s place that the counts are true of, also where nothing is', async () => {
    const room = newChatRoom();
    expect((await list(room.agent)).seq).toBe(0);
    const first = await share(room);
    expect(await list(room.agent)).toMatchObject({ seq: first.seq, sessions: [{ files_count: 1 }] });
    await remove(`/api/chat/files/${first.id}/`, room.agent);
    expect((await list(room.agent)).seq).toBe(first.seq + 1);
  });

  test('q finds by a part of the id, whatever its case, and means no pattern', async () => {
    const room = newChatRoom();
    await share(room);
    await share({ ...newChatRoom(room.company), session: 'Order_77', visitor: visitorToken(room.company, 'Order_77') });
    const found = async (q: string) =>
      (await list(room.agent, `?q=${encodeURIComponent(q)}`)).sessions.map(({ session_id }) => session_id);
    expect(await found('der_7')).toEqual(['Order_77']);
    expect(await found('ORDER')).toEqual(['Order_77']);
    expect(await found('r__7')).toEqual([]);
    expect(await found('%')).toEqual([]);
    expect(await found('')).toHaveLength(2);
  });
});

describe('who may see it', () => {
  test('a visitor is 403, another company sees nothing, a bound agent their one session', async () => {
    const room = newChatRoom();
    const other = newChatRoom(room.company);
    await share(room);
    await share(other);
    const visitor = await get(server().baseUrl, PATH, room.visitor);
    expect([visitor.status, codeOf(visitor)]).toEqual([403, 'forbidden']);
    expect((await get(server().baseUrl, PATH)).status).toBe(401);
    expect((await list(newChatRoom().agent)).sessions).toEqual([]);
    const bound = await list(agentToken(room.company, 'agent-2', room.session));
    expect(bound.sessions.map(({ session_id }) => session_id)).toEqual([room.session]);
    expect((await list(room.agent)).sessions).toHaveLength(2);
  });

  test.each([
    ['?company_id=other', 403],
    ['?company_id=a/b', 400],
    ['?limit=0', 400],
    ['?limit=201', 400],
    ['?limit=x', 400],
    ['?cursor=never-given', 400],
    ['?cursor=', 400],
  ])('%s is %i', async (query, status) => {
    expect((await get(server().baseUrl, PATH + query, newChatRoom().agent)).status).toBe(status);
  });
});
