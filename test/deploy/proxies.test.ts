/** The proxies' files in `deploy/`, in the real proxies: bodies pass as they come, sockets live, large files are no matter. */
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { newChatRoom } from '../services/chat-room.ts';
import { chatdropForSuite } from '../services/chatdrop-suite.ts';
import { eventually } from '../services/eventually.ts';
import { recordSocket } from '../services/socket-recorder.ts';
import { create, fileIdOf, head, offsetOf, openPatch, patch } from '../services/tus-wire.ts';
import { CLEAR_HOST, PROXY_NAMES, startWebProxy, type WebProxy } from '../services/web-proxy.ts';
import { send } from '../services/wire.ts';

const MIB = 1024 * 1024;
const server = chatdropForSuite({ env: { TRUST_PROXY: '1' } });

describe.each(PROXY_NAMES)('%s', (name) => {
  let proxy: WebProxy;
  beforeAll(async () => {
    proxy = await startWebProxy(name, [server().port]);
  });
  afterAll(() => proxy?.close());

  test.each(['websocket', 'polling'] as const)(
    'the others see an upload while it runs; what came before a cut is kept (%s)',
    async (transport) => {
      const room = newChatRoom();
      const { baseUrl } = proxy;
      const agent = recordSocket({
        baseUrl,
        auth: { token: room.agent, session_id: room.session },
        transports: [transport],
      });
      await agent.waitForEvent('connection_established');
      const bytes = Buffer.alloc(3 * MIB, 'a line of text\n');
      const metadata = { filename: 'notes.txt', filetype: 'text/plain' };
      const { url } = await create({ baseUrl, token: room.visitor, length: bytes.length, metadata });
      const request = openPatch({ url, token: room.visitor, offset: 0, length: bytes.length });
      await request.write(bytes.subarray(0, MIB));
      await agent.waitFor((event) => event.name === 'upload_progress' && event.payload.offset > 0);
      await request.write(bytes.subarray(MIB, 2 * MIB));
      await eventually('two thirds have come', async () => {
        const { uploads } = JSON.parse((await get('/api/chat/uploads/', room.visitor)).body.toString());
        return uploads[0]?.offset >= 2 * MIB;
      });
      request.leave();
      const offset = await eventually('the upload can go on', async () => {
        const answer = await head(url, room.visitor);
        return answer.status === 200 && offsetOf(answer);
      });
      expect(offset).toBe(2 * MIB);
      const last = await patch({ url, token: room.visitor, offset, body: bytes.subarray(offset) });
      expect([last.status, fileIdOf(last)]).toEqual([204, expect.any(Number)]);
      const { payload } = await agent.waitForEvent('file_shared');
      const path = `/api/chat/files/${payload.id}/content`;
      expect((await get(path, room.agent)).body.equals(bytes)).toBe(true);
      const part = await get(path, room.agent, { range: `bytes=${MIB}-${MIB + 99}` });
      expect([part.status, part.body.length]).toEqual([206, 100]);
      agent.close();
    },
  );

  test('a refusal comes through in the middle of a body, as Chatdrop says it', async () => {
    const room = newChatRoom();
    const { url } = await create({
      baseUrl: proxy.baseUrl,
      token: room.visitor,
      length: 2 * MIB,
      metadata: { filename: 'picture.png' },
    });
    const program = Buffer.concat([
      Buffer.from('MZ\x90\0\x03\0\0\0\x04\0\0\0\xff\xff\0\0', 'latin1'),
      Buffer.alloc(2 * MIB - 16),
    ]);
    const refused = await patch({ url, token: room.visitor, offset: 0, body: program });
    expect([refused.status, JSON.parse(refused.body.toString()).code]).toEqual([415, 'executable']);
    const large = await create({ baseUrl: proxy.baseUrl, token: room.visitor, length: 300 * MIB, metadata: {} });
    expect([large.status, JSON.parse(large.body.toString()).code]).toEqual([413, 'file-too-large']);
  });

  test('the plain WebSocket opens; visitors are told apart by their address', async () => {
    const room = newChatRoom();
    const socket = new WebSocket(
      `${proxy.baseUrl.replace('http', 'ws')}/ws/chat/${room.company}/${room.session}/?token=${room.visitor}`,
    );
    const first = await new Promise<string>((resolve, reject) => {
      socket.onmessage = ({ data }) => resolve(JSON.parse(data).type);
      socket.onerror = () => reject(new Error('it did not open'));
    });
    socket.close();
    expect(first).toBe('connection_established');
    expect(server().logs()).not.toContain('TRUST_PROXY is not set');
  });

  test('while no node answers, HEAD says “not yet”, and everything else that it failed', async () => {
    const room = newChatRoom();
    const { baseUrl } = proxy;
    const bytes = Buffer.from('a line of text\n'.repeat(100));
    const metadata = { filename: 'notes.txt', filetype: 'text/plain' };
    const { url } = await create({ baseUrl, token: room.visitor, length: bytes.length, metadata });
    await server().kill('SIGKILL');
    try {
      expect((await head(url, room.visitor)).status).toBe(423);
      const refused = await patch({ url, token: room.visitor, offset: 0, body: bytes });
      expect([502, 503]).toContain(refused.status);
      expect([502, 503]).toContain((await get('/api/chat/files/', room.visitor)).status);
    } finally {
      await server().restart();
    }
    await eventually('it answers again', async () => (await head(url, room.visitor)).status === 200, 30_000);
    const last = await patch({ url, token: room.visitor, offset: 0, body: bytes });
    expect([last.status, fileIdOf(last)]).toEqual([204, expect.any(Number)]);
  });

  function get(path: string, token: string, headers: Record<string, string> = {}) {
    return send({
      method: 'GET',
      url: proxy.baseUrl + path,
      headers: { authorization: `Bearer ${token}`, ...headers },
    });
  }
});

test('Caddy leads http to https where a person reads, and refuses it where a program asks', async () => {
  const proxy = await startWebProxy('caddy', [server().port]);
  const ask = (path: string) => send({ method: 'GET', url: proxy.baseUrl + path, headers: { host: CLEAR_HOST } });
  for (const path of ['/dashboard/', '/embed/?company_id=a', '/', '/problems/infected']) {
    const { status, headers } = await ask(path);
    expect([path, status, headers.location]).toEqual([path, 308, `https://${CLEAR_HOST}${path}`]);
  }
  for (const path of [
    '/api/chat/files/',
    '/api/chat/tus/',
    '/media/x',
    '/socket.io/',
    '/ws/chat/a/b/?token=x',
    '/widget.js',
  ])
    expect([path, (await ask(path)).status]).toEqual([path, 403]);
  await proxy.close();
});
