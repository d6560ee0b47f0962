/** What is no HTTP is answered too, as a problem, and does the server no harm. */
import { once } from 'node:events';
import { connect } from 'node:net';
import { describe, expect, test } from 'vitest';
import { addressOf, createHttpServer, listen, trackConnections } from '../../server/http/http-server.ts';
import { newChatRoom } from '../services/chat-room.ts';
import { chatdropForSuite } from '../services/chatdrop-suite.ts';
import { eventually } from '../services/eventually.ts';
import { create, head, offsetOf } from '../services/tus-wire.ts';

const server = chatdropForSuite();

describe('an unreadable request', () => {
  test.each<[string, string, number, string]>([
    ['no HTTP at all', 'hello\r\n\r\n', 400, 'invalid-request'],
    ['an unknown method', 'NOT-A-METHOD / HTTP/1.1\r\nHost: x\r\n\r\n', 400, 'invalid-request'],
    ['a broken header', 'GET / HTTP/1.1\r\nHost: x\r\nno colon here\r\n\r\n', 400, 'invalid-request'],
    [
      'two lengths',
      'POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\nab',
      400,
      'invalid-request',
    ],
    [
      'a length and chunks',
      'POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 3\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n',
      400,
      'invalid-request',
    ],
    ['headers without end', `GET / HTTP/1.1\r\nHost: x\r\nX: ${'x'.repeat(40_000)}\r\n\r\n`, 431, 'headers-too-large'],
    ['TLS on a plain port', '\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03', 400, 'invalid-request'],
  ])('%s', async (_what, text, status, code) => {
    const answer = await exchange(text);
    expect(answer).toMatch(new RegExp(`^HTTP/1.1 ${status} `));
    const [head = '', body = ''] = answer.split('\r\n\r\n');
    expect(head.toLowerCase()).toContain('content-type: application/problem+json');
    expect(head.toLowerCase()).toContain(`content-length: ${Buffer.byteLength(body)}`);
    expect(JSON.parse(body)).toMatchObject({ code, status });
  });

  test('a broken chunk in the middle of a body ends the request; the upload lives on', async () => {
    const { visitor } = newChatRoom();
    const { url } = await create({ baseUrl: server().baseUrl, token: visitor, length: 1000 });
    const answer = await exchange(
      `PATCH ${new URL(url).pathname} HTTP/1.1\r\nHost: x\r\nTus-Resumable: 1.0.0\r\nUpload-Offset: 0\r\nAuthorization: Bearer ${visitor}\r\n` +
        'Content-Type: application/offset+octet-stream\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\nnot a chunk\r\n',
    );
    expect(answer).toMatch(/^HTTP\/1\.1 400 /);
    const found = await head(url, visitor);
    // The five bytes before it may have come as far as the disk, or not.
    expect([found.status, [0, 5].includes(offsetOf(found))]).toEqual([200, true]);
  });
});

describe('listening', () => {
  test('names its address, also of IPv6; a port in use is said with what to do', async () => {
    const first = createHttpServer();
    await listen(first, '127.0.0.1', 0);
    expect(addressOf(first, '127.0.0.1')).toMatch(/^http:\/\/127\.0\.0\.1:\d+$/);
    expect(addressOf(first, '::1')).toMatch(/^http:\/\/\[::1\]:\d+$/);
    const port = Number(new URL(addressOf(first, '127.0.0.1')).port);
    await expect(listen(createHttpServer(), '127.0.0.1', port)).rejects.toThrow(
      `Port ${port} is in use. Stop the other program, or set another PORT.`,
    );
    // It drains, and still makes links.
    const address = addressOf(first, '127.0.0.1');
    await new Promise((resolve) => first.close(resolve));
    expect(addressOf(first, '127.0.0.1')).toBe(address);
  });

  test('a slow body is not cut off, slow headers are', () => {
    const { requestTimeout, headersTimeout, keepAliveTimeout } = createHttpServer();
    expect([requestTimeout, headersTimeout > 0, keepAliveTimeout > 60_000]).toEqual([0, true, true]);
  });
});

describe('at a shutdown', () => {
  test('a connection that is kept alive ends when its answer is out, and no sooner', async () => {
    let finish = () => {};
    const http = createHttpServer();
    const asked = new Promise<void>((resolve) => {
      http.on('request', (_request, response) => {
        finish = () => response.end('all of it');
        resolve();
      });
    });
    await listen(http, '127.0.0.1', 0);
    const connections = trackConnections(http);
    const socket = connect(Number(new URL(addressOf(http, '127.0.0.1')).port), '127.0.0.1');
    let received = '';
    socket.setEncoding('latin1').on('data', (part: string) => {
      received += part;
    });
    socket.write('GET / HTTP/1.1\r\nHost: x\r\n\r\n');
    await asked;
    const closed = new Promise((resolve) => http.close(resolve));
    connections.endIdle();
    finish();
    await eventually('the answer is here', () => received.endsWith('all of it'));
    expect(socket.readableEnded).toBe(false);
    await eventually('it is idle, and ended', () => {
      connections.endIdle();
      return socket.readableEnded;
    });
    await closed;
  });
});

/** Everything that the server sends until it closes the connection. */
async function exchange(text: string): Promise<string> {
  const { hostname, port } = new URL(server().baseUrl);
  const socket = connect(Number(port), hostname);
  let received = '';
  socket.setEncoding('latin1').on('data', (part: string) => {
    received += part;
  });
  socket.on('error', () => {});
  socket.write(Buffer.from(text, 'latin1'));
  await Promise.race([once(socket, 'end'), once(socket, 'close')]);
  socket.destroy();
  return received;
}
