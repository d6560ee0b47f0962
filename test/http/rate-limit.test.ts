/** How many uploads may start in a minute: counted by user, not by address, and refused with the time to wait. */
import { describe, expect, test } from 'vitest';
import { createCountCreations } from '../../server/http/rate-limit.ts';
import { codeOf, listUploads } from '../services/chat-api.ts';
import { newChatRoom } from '../services/chat-room.ts';
import { chatdropForSuite } from '../services/chatdrop-suite.ts';
import { pngFile } from '../services/fixtures.ts';
import { agentToken, visitorToken } from '../services/tokens.ts';
import { create, head } from '../services/tus-wire.ts';

const LIMIT = 10;
const server = chatdropForSuite({ env: { CHAT_UPLOAD_RATE_LIMIT: String(LIMIT) } });
const start = (token: string, session: string) =>
  create({ baseUrl: server().baseUrl, token, length: 100, metadata: { session_id: session, filename: 'a.png' } });

async function startMany(times: number, token: string, session: string): Promise<number[]> {
  const answers = await Promise.all(Array.from({ length: times }, () => start(token, session)));
  return answers.map(({ status }) => status).sort();
}

describe('a visitor', () => {
  test('starts as many as are allowed; the next is 429 with the seconds to wait, and leaves nothing', async () => {
    const room = newChatRoom();
    expect(await startMany(LIMIT, room.visitor, room.session)).toEqual(Array(LIMIT).fill(201));
    const refused = await start(room.visitor, room.session);
    expect([refused.status, codeOf(refused), refused.url]).toEqual([429, 'rate-limited', '']);
    const wait = Number(refused.headers['retry-after']);
    expect(Number.isInteger(wait) && wait >= 1 && wait <= 60).toBe(true);
    expect(await listUploads(server().baseUrl, room)).toHaveLength(LIMIT);
  });

  test('on two devices is one user; two sessions at one address are two', async () => {
    const room = newChatRoom();
    const other = newChatRoom(room.company);
    const phone = visitorToken(room.company, room.session, { sub: 'phone' });
    expect(await startMany(6, room.visitor, room.session)).toEqual(Array(6).fill(201));
    expect(await startMany(6, phone, room.session)).toEqual([...Array(4).fill(201), 429, 429]);
    expect((await start(other.visitor, other.session)).status).toBe(201);
  });

  test('who is over the limit goes on with what was started', async () => {
    const room = newChatRoom();
    const body = pngFile();
    const first = await create({ baseUrl: server().baseUrl, token: room.visitor, length: body.length });
    await startMany(LIMIT, room.visitor, room.session);
    expect((await start(room.visitor, room.session)).status).toBe(429);
    expect((await head(first.url, room.visitor)).status).toBe(200);
  });
});

describe('an agent', () => {
  test('is counted by who it is, over all sessions; another agent is another', async () => {
    const room = newChatRoom();
    const other = newChatRoom(room.company);
    const bound = agentToken(room.company, 'agent-1', other.session);
    expect(await startMany(6, room.agent, room.session)).toEqual(Array(6).fill(201));
    expect(await startMany(6, bound, other.session)).toEqual([...Array(4).fill(201), 429, 429]);
    expect((await start(agentToken(room.company, 'agent-2'), room.session)).status).toBe(201);
    expect((await start(room.visitor, room.session)).status).toBe(201);
    const stranger = newChatRoom();
    expect((await start(stranger.agent, stranger.session)).status).toBe(201);
  });
});

test('the counter counts each key by itself', async () => {
  const { countCreation: count } = createCountCreations(2);
  await count('a');
  await count('a');
  await expect(count('a')).rejects.toMatchObject({ code: 'rate-limited', retryAfterSeconds: expect.any(Number) });
  await expect(count('b')).resolves.toBeUndefined();
});
