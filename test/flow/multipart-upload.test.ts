/** `POST /api/chat/upload/`: the original API's clients keep working. */
import { expect, test } from 'vitest';
import type { ChatFile } from '../../server/contract/chat-file.ts';
import { bearer, codeOf, download, get, listFiles, storedFiles } from '../services/chat-api.ts';
import { type ChatRoom, newChatRoom } from '../services/chat-room.ts';
import { chatdropForSuite } from '../services/chatdrop-suite.ts';
import { exeFile, mp4File, pdfFile, pngFile } from '../services/fixtures.ts';
import { sendMultipart } from '../services/multipart.ts';
import { recordSocket } from '../services/socket-recorder.ts';
import { brokenTokens } from '../services/tokens.ts';
import { jsonOf, openRequest, send } from '../services/wire.ts';

const server = chatdropForSuite();
const pdf = { body: pdfFile(12_345), name: 'part.pdf', type: 'application/pdf' };

test('answers 201 with the file, and the chat hears of it', async () => {
  const room = newChatRoom();
  const auth = { token: room.agent, company_id: room.company, session_id: room.session };
  const agent = recordSocket({ baseUrl: server().baseUrl, auth });
  try {
    await agent.waitForEvent('connection_established');
    const answer = await post(room, { ...fieldsOf(room), original_name: 'document.pdf', size: '12345' });
    expect(answer.status).toBe(201);
    const file = jsonOf<ChatFile>(answer);
    expect(file).toMatchObject({
      company_id: room.company,
      session_id: room.session,
      uploader: 'user',
      name: 'document.pdf',
      mime_type: 'application/pdf',
      size: 12_345,
      thumbnail: null,
    });
    expect((await download(file.url)).body.equals(pdf.body)).toBe(true);
    expect((await agent.waitForEvent('file_shared')).payload.id).toBe(file.id);
    expect((await listFiles(server().baseUrl, room)).files.map(({ id }) => id)).toEqual([file.id]);
  } finally {
    agent.close();
  }
});

test('without original_name the part’s own name counts, and all other fields may be left out', async () => {
  const room = newChatRoom();
  const answer = await post(room, {});
  expect(answer.status).toBe(201);
  expect(jsonOf<ChatFile>(answer).name).toBe('part.pdf');
});

test.each([
  ['a wrong size', { size: '12344' }],
  ['a size that is none', { size: 'big' }],
  ['a company of a wrong form', { company_id: '../x' }],
])('%s is 400 and leaves nothing', async (_what, fields) => {
  const room = newChatRoom();
  const before = await storedFiles(server().dataDir);
  const answer = await post(room, { ...fieldsOf(room), ...fields });
  expect([400, 403]).toContain(answer.status);
  expect((await listFiles(server().baseUrl, room)).count).toBe(0);
  expect(await storedFiles(server().dataDir)).toEqual(before);
});

test('another uploader, company or session than the token’s is 403', async () => {
  const room = newChatRoom();
  const foreign: Array<Record<string, string>> = [
    { uploader: 'agent' },
    { company_id: 'other' },
    { session_id: 'other' },
  ];
  for (const fields of foreign) {
    const answer = await post(room, { ...fieldsOf(room), ...fields });
    expect([answer.status, codeOf(answer)]).toEqual([403, 'forbidden']);
  }
  expect((await listFiles(server().baseUrl, room)).count).toBe(0);
});

test.each(Object.keys(brokenTokens('c', 's')))('a token with a fault is 401: %s', async (fault) => {
  const room = newChatRoom();
  const token = brokenTokens(room.company, room.session)[fault];
  const answer = await sendMultipart({ baseUrl: server().baseUrl, token, fields: fieldsOf(room), file: pdf });
  expect(answer.status).toBe(401);
  expect((await listFiles(server().baseUrl, room)).count).toBe(0);
});

test('a program is 415, too much is 413, and nothing of either stays', async () => {
  const room = newChatRoom();
  const before = await storedFiles(server().dataDir);
  const program = await sendMultipart({
    baseUrl: server().baseUrl,
    token: room.visitor,
    fields: fieldsOf(room),
    file: { body: exeFile(), name: 'a.png', type: 'image/png' },
  });
  expect([program.status, codeOf(program)]).toEqual([415, 'executable']);
  const large = await sendMultipart({
    baseUrl: server().baseUrl,
    token: room.visitor,
    fields: fieldsOf(room),
    file: { body: mp4File(25 * 1024 * 1024 + 1), name: 'a.mp4', type: 'video/mp4' },
  });
  expect([large.status, codeOf(large)]).toEqual([413, 'file-too-large']);
  expect((await listFiles(server().baseUrl, room)).count).toBe(0);
  expect(await storedFiles(server().dataDir)).toEqual(before);
});

test('a body that is no multipart, or holds no file, is the client’s mistake', async () => {
  const room = newChatRoom();
  expect((await sendMultipart({ baseUrl: server().baseUrl, token: room.visitor, fields: {} })).status).toBe(400);
  for (const [type, body] of [
    ['application/json', '{}'],
    ['multipart/form-data', 'x'],
    ['multipart/form-data; boundary=a', '--a\r\nnonsense'],
    [undefined, 'x'],
  ]) {
    const url = `${server().baseUrl}/api/chat/upload/`;
    const headers = { ...bearer(room.visitor), 'content-type': type };
    const answer = await send({ method: 'POST', url, headers, body: body ?? '' });
    expect([400, 415]).toContain(answer.status);
  }
  expect((await listFiles(server().baseUrl, room)).count).toBe(0);
});

test('a client that leaves in mid-body leaves nothing, and the server stays well', async () => {
  const room = newChatRoom();
  const boundary = 'xyz';
  const opened = openRequest({
    method: 'POST',
    url: `${server().baseUrl}/api/chat/upload/`,
    headers: {
      ...bearer(room.visitor),
      'content-type': `multipart/form-data; boundary=${boundary}`,
      'content-length': '1000000',
    },
  });
  const start = `--${boundary}\r\ncontent-disposition: form-data; name="file"; filename="a.png"\r\n\r\n`;
  await opened.write(Buffer.concat([Buffer.from(start), pngFile({ bytes: 100_000 })]));
  opened.abort();
  expect((await get(server().baseUrl, '/readyz')).status).toBe(200);
  expect((await listFiles(server().baseUrl, room)).count).toBe(0);
});

async function post(room: ChatRoom, fields: Record<string, string>) {
  return await sendMultipart({ baseUrl: server().baseUrl, token: room.visitor, fields, file: pdf });
}

function fieldsOf(room: ChatRoom): Record<string, string> {
  return { company_id: room.company, session_id: room.session };
}
