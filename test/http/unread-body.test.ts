/** A refusal in the middle of a body reaches the client as an answer, not as a broken connection. */
import { once } from 'node:events';
import { connect } from 'node:net';
import { Readable } from 'node:stream';
import { describe, expect, test } from 'vitest';
import { codeOf, get, shareFile } from '../services/chat-api.ts';
import { newChatRoom } from '../services/chat-room.ts';
import { chatdropForSuite } from '../services/chatdrop-suite.ts';
import { exeFile, pngFile } from '../services/fixtures.ts';
import { brokenTokens } from '../services/tokens.ts';
import { create, patch, TUS_PATH } from '../services/tus-wire.ts';
import { jsonOf, send } from '../services/wire.ts';

const BODY_BYTES = 8 * 1024 * 1024;
const server = chatdropForSuite();

describe.each(['with its length', 'in chunks'])('a body of 8 MiB %s', (how) => {
  const bodyOf = (content: Buffer) => (how === 'in chunks' ? inPieces(content) : content);

  test('of a program is 415', async () => {
    const { visitor } = newChatRoom();
    for (let round = 0; round < 5; round += 1) {
      const { url } = await create({ baseUrl: server().baseUrl, token: visitor, length: BODY_BYTES });
      const answer = await patch({ url, token: visitor, offset: 0, body: bodyOf(exeFile(BODY_BYTES)) });
      expect([answer.status, codeOf(answer), answer.headers.connection]).toEqual([415, 'executable', 'close']);
    }
  });

  test.each<[string, number, string]>([
    ['without a token', 401, 'unauthenticated'],
    ['at a wrong offset', 409, 'offset-conflict'],
    ['for an upload that is not there', 404, 'not-found'],
    ['to a path that is not there', 404, 'not-found'],
    ['by a verb that is not there', 405, 'method-not-allowed'],
  ])('%s is %i', async (what, status, code) => {
    const { visitor, company, session } = newChatRoom();
    const body = bodyOf(Buffer.alloc(BODY_BYTES));
    const { url } = await create({ baseUrl: server().baseUrl, token: visitor, length: BODY_BYTES });
    const missing = `${server().baseUrl}${TUS_PATH}${'a'.repeat(22)}`;
    const answers: Record<string, () => ReturnType<typeof send>> = {
      'without a token': () => patch({ url, token: brokenTokens(company, session).malformed, offset: 0, body }),
      'at a wrong offset': () => patch({ url, token: visitor, offset: 5, body }),
      'for an upload that is not there': () => patch({ url: missing, token: visitor, offset: 0, body }),
      'to a path that is not there': () => send({ method: 'POST', url: `${server().baseUrl}/nowhere`, body }),
      'by a verb that is not there': () => send({ method: 'PUT', url: `${server().baseUrl}/healthz`, body }),
    };
    const answer = await answers[what]?.();
    expect([answer?.status, answer && codeOf(answer)]).toEqual([status, code]);
  });
});

test('the answer is there before the body: a client that asks first need not send it', async () => {
  const { visitor } = newChatRoom();
  const { url } = await create({ baseUrl: server().baseUrl, token: visitor, length: BODY_BYTES });
  const { hostname, port, pathname } = new URL(url);
  const socket = connect(Number(port), hostname);
  socket.write(
    `PATCH ${pathname} HTTP/1.1\r\nHost: ${hostname}:${port}\r\nTus-Resumable: 1.0.0\r\nUpload-Offset: 0\r\n` +
      `Content-Type: application/offset+octet-stream\r\nContent-Length: ${BODY_BYTES}\r\n\r\n`,
  );
  const [start] = await once(socket, 'data');
  expect(String(start)).toMatch(/^HTTP\/1\.1 401 /);
  socket.destroy();
});

describe('a body that nobody asked for', () => {
  test.each(['', 'x', '{}'])('does not change the answer to GET: %j', async (body) => {
    const room = newChatRoom();
    const { baseUrl } = server();
    const file = await shareFile({ baseUrl, room, body: pngFile() });
    const headers = { authorization: `Bearer ${room.visitor}` };
    for (const path of ['/healthz', '/api/chat/config/', `/api/chat/files/${file.id}/`]) {
      const without = await get(baseUrl, path, room.visitor);
      const answer = await send({ method: 'GET', url: baseUrl + path, headers, body });
      expect([answer.status, Object.keys(jsonOf(answer)).sort()]).toEqual([200, Object.keys(jsonOf(without)).sort()]);
    }
    const bytes = await send({ method: 'GET', url: `${baseUrl}/api/chat/files/${file.id}/content`, headers, body });
    expect([bytes.status, bytes.body.equals(pngFile())]).toEqual([200, true]);
  });
});

function inPieces(content: Buffer): Readable {
  const pieces = Array.from({ length: Math.ceil(content.length / 65_536) }, (_, n) =>
    content.subarray(n * 65_536, (n + 1) * 65_536),
  );
  return Readable.from(pieces, { objectMode: false });
}
