/** Who is told an error can tell its id, and the log knows which request that was; nobody chooses another's id. */
import net from 'node:net';
import { describe, expect, test } from 'vitest';
import { get } from '../services/chat-api.ts';
import { newChatRoom } from '../services/chat-room.ts';
import { chatdropForSuite } from '../services/chatdrop-suite.ts';
import { eventually } from '../services/eventually.ts';
import { plainSocket } from '../services/plain-socket.ts';
import { create } from '../services/tus-wire.ts';
import { jsonOf, send } from '../services/wire.ts';

const server = chatdropForSuite({ env: { LOG_LEVEL: 'debug', ALLOWED_ORIGINS: 'https://shop.example' } });
const behindProxy = chatdropForSuite({ env: { TRUST_PROXY: '127.0.0.1, 10.0.0.0/8' } });
const OWN = /^[0-9a-f]{16}$/;
const idOf = async (baseUrl: string, id?: string) =>
  (await send({ method: 'GET', url: `${baseUrl}/healthz`, headers: { 'x-request-id': id } })).headers['x-request-id'];

describe('every answer', () => {
  test('has an id of its own, and a problem has the same one', async () => {
    const seen = new Set<unknown>();
    const { visitor: token } = newChatRoom();
    for (const answer of [
      await get(server().baseUrl, '/healthz'),
      await get(server().baseUrl, '/healthz'),
      await get(server().baseUrl, '/nowhere'),
      await get(server().baseUrl, '/api/chat/files/'),
      await create({ baseUrl: server().baseUrl, token, length: 2 ** 50 }),
      await get(server().baseUrl, '/socket.io/?EIO=4&transport=polling'),
    ]) {
      const id = answer.headers['x-request-id'];
      expect(id).toMatch(OWN);
      expect(seen.has(id)).toBe(false);
      seen.add(id);
      if (answer.status >= 400) expect(jsonOf<{ request_id: string }>(answer).request_id).toBe(id);
    }
  });

  test('also to what is no HTTP, and to a WebSocket that is refused or let in', async () => {
    const raw = await new Promise<string>((resolve, reject) => {
      const socket = net.connect(server().port, '127.0.0.1', () => socket.write('NONSENSE\r\n\r\n'));
      let text = '';
      socket.on('data', (bytes) => {
        text += bytes;
      });
      socket.on('close', () => resolve(text)).on('error', reject);
    });
    const id = /^X-Request-Id: (\S+)\r$/m.exec(raw)?.[1];
    expect(id).toMatch(OWN);
    expect(raw).toContain(`"request_id":"${id}"`);
    const room = newChatRoom();
    const url = `${server().baseUrl}/ws/chat/${room.company}/${room.session}/`;
    const refused = await plainSocket(url).refused;
    expect(refused.headers['x-request-id']).toMatch(OWN);
    const accepted = plainSocket(url, { headers: { authorization: `Bearer ${room.visitor}` } });
    const headers = await new Promise<Record<string, unknown>>((resolve) =>
      accepted.socket.on('upgrade', (response) => resolve(response.headers)),
    );
    expect(headers['x-request-id']).toMatch(OWN);
    accepted.close();
  });

  test('a page of another origin may read it', async () => {
    const answer = await get(server().baseUrl, '/healthz', undefined, { origin: 'https://shop.example' });
    expect(answer.headers['access-control-expose-headers']).toMatch(/\bX-Request-Id\b/);
  });
});

describe('the log', () => {
  test('has the id in each line about the request, and no other line has it', async () => {
    const { visitor: token } = newChatRoom();
    const refused = await create({ baseUrl: server().baseUrl, token, length: 2 ** 50 });
    const id = String(refused.headers['x-request-id']);
    const lines = await eventually('both lines are there', () => {
      const about = server()
        .logs()
        .split('\n')
        .filter((line) => line.includes(id))
        .map((line) => JSON.parse(line));
      return about.length === 2 && about;
    });
    expect(lines.map(({ msg }) => msg).sort()).toEqual(['a request was refused', 'request']);
    for (const line of lines) expect([line.request_id, line.path]).toEqual([id, '/api/chat/tus/']);
    const listening = server()
      .logs()
      .split('\n')
      .find((line) => line.includes('"msg":"listening"'));
    expect(listening).not.toContain('request_id');
  });
});

describe('an id that is sent', () => {
  test('by a client without a proxy is not taken over', async () => {
    expect(await idOf(server().baseUrl, 'somebody-elses')).toMatch(OWN);
  });

  test('by a proxy is, if it is harmless', async () => {
    for (const id of ['a', 'f0e1d2c3-b4a5.6789_X', 'x'.repeat(64)])
      expect(await idOf(behindProxy().baseUrl, id)).toBe(id);
    for (const id of ['', 'x'.repeat(65), 'a b', '"', '{}', 'a,b', 'é', '<i>'])
      expect(await idOf(behindProxy().baseUrl, id)).toMatch(OWN);
  });
});
