/** Ten thousand requests of all kinds while uploads run: nobody's upload is hurt. */
import { Agent, request } from 'node:http';
import { expect, test } from 'vitest';
import { listFiles } from '../services/chat-api.ts';
import { newChatRoom } from '../services/chat-room.ts';
import { chatdropForSuite } from '../services/chatdrop-suite.ts';
import { mp4File, sha256Of } from '../services/fixtures.ts';
import { create, head, offsetOf, patch } from '../services/tus-wire.ts';
import { send } from '../services/wire.ts';

const server = chatdropForSuite();
const NOISE_REQUESTS = 10_000;
const AT_ONCE = 16;
const UPLOADS = 4;
const BYTES = 2_000_000;
const CHUNK_BYTES = 100_000;

test('nobody’s upload is hurt', async () => {
  const noise = makeNoise();
  const rooms = Array.from({ length: UPLOADS }, () => newChatRoom());
  const results = await Promise.all(rooms.map((room, seed) => uploadInChunks(room.visitor, mp4File(BYTES, seed + 1))));
  const statuses = await noise;
  for (const [seed, room] of rooms.entries()) {
    const { files } = await listFiles(server().baseUrl, room);
    expect(files).toHaveLength(1);
    const fetched = await send({ method: 'GET', url: String(files[0]?.url) });
    expect(await sha256Of(fetched.body)).toBe(await sha256Of(mp4File(BYTES, seed + 1)));
  }
  expect(results.every((offset) => offset === BYTES)).toBe(true);
  expect([...statuses.keys()].filter((status) => status >= 500)).toEqual([]);
  expect([...statuses.values()].reduce((sum, count) => sum + count, 0)).toBe(NOISE_REQUESTS);
}, 120_000);

async function uploadInChunks(token: string, body: Buffer): Promise<number> {
  const created = await create({
    baseUrl: server().baseUrl,
    token,
    length: body.length,
    metadata: { filename: 'film.mp4' },
  });
  let offset = 0;
  while (offset < body.length) {
    const answer = await patch({
      url: created.url,
      token,
      offset,
      body: body.subarray(offset, offset + CHUNK_BYTES),
      timeoutMs: 60_000,
    });
    expect(answer.status).toBe(204);
    offset = offsetOf(answer);
    expect(offsetOf(await head(created.url, token))).toBe(offset);
  }
  return offset;
}

/** Good and bad requests of strangers, many at a time. @returns how often each status came; 0 for a closed connection */
async function makeNoise(): Promise<Map<number, number>> {
  const agent = new Agent({ keepAlive: true, maxSockets: AT_ONCE });
  const statuses = new Map<number, number>();
  const { visitor, agent: agentToken, session } = newChatRoom();
  const tus = { authorization: `Bearer ${visitor}`, 'tus-resumable': '1.0.0' };
  const kinds: { method: string; path: string; headers?: Record<string, string>; body?: string }[] = [
    { method: 'GET', path: '/healthz' },
    {
      method: 'GET',
      path: `/api/chat/files/?session_id=${session}`,
      headers: { authorization: `Bearer ${agentToken}` },
    },
    { method: 'GET', path: '/api/chat/uploads/', headers: { authorization: `Bearer ${visitor}` } },
    { method: 'GET', path: '/api/chat/files/999999/', headers: { authorization: `Bearer ${visitor}` } },
    { method: 'POST', path: '/api/chat/tus/', headers: { ...tus, 'upload-length': '-1' } },
    { method: 'POST', path: '/api/chat/tus/', headers: { 'tus-resumable': '1.0.0', 'upload-length': '5' } },
    {
      method: 'POST',
      path: '/api/chat/tus/',
      headers: { ...tus, 'upload-length': '2', 'content-type': 'application/offset+octet-stream' },
      body: 'MZ',
    },
    {
      method: 'POST',
      path: '/api/chat/upload/',
      headers: { authorization: `Bearer ${visitor}`, 'content-type': 'multipart/form-data; boundary=x' },
      body: '--x--',
    },
    {
      method: 'PATCH',
      path: '/api/chat/tus/AAAAAAAAAAAAAAAAAAAAAA',
      headers: { ...tus, 'upload-offset': '0', 'content-type': 'application/offset+octet-stream' },
      body: 'hello',
    },
    { method: 'DELETE', path: '/api/chat/files/1/', headers: { authorization: 'Bearer nonsense' } },
    { method: 'GET', path: '/media/chat/a/b/c?expires=1&disposition=inline&signature=x' },
    { method: 'OPTIONS', path: '/api/chat/tus/' },
    { method: 'GET', path: '/socket.io/?EIO=4&transport=polling' },
    { method: 'PUT', path: '/nowhere' },
  ];
  let sent = 0;
  const worker = async () => {
    while (sent < NOISE_REQUESTS) {
      const kind = kinds[sent % kinds.length] ?? { method: 'GET', path: '/' };
      sent += 1;
      const status = await ask(agent, kind);
      statuses.set(status, (statuses.get(status) ?? 0) + 1);
    }
  };
  await Promise.all(Array.from({ length: AT_ONCE }, worker));
  agent.destroy();
  return statuses;
}

function ask(
  agent: Agent,
  {
    method,
    path,
    headers = {},
    body,
  }: { method: string; path: string; headers?: Record<string, string>; body?: string },
): Promise<number> {
  return new Promise((resolve) => {
    const length = body === undefined ? {} : { 'content-length': String(Buffer.byteLength(body)) };
    const outgoing = request(
      { agent, host: '127.0.0.1', port: server().port, method, path, headers: { ...headers, ...length } },
      (answer) => {
        answer.resume();
        answer.on('end', () => resolve(answer.statusCode ?? 0));
        answer.on('error', () => resolve(0));
      },
    );
    outgoing.on('error', () => resolve(0));
    outgoing.end(body);
  });
}
