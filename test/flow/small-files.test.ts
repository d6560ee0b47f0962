/** A small file that comes whole in one body is answered, shown and refused as one that takes the ordinary way. */
import { createHash } from 'node:crypto';
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { zip } from '../rules/zip-files.ts';
import { bearer, get, listFiles, listUploads, unfinishedBytes } from '../services/chat-api.ts';
import { type ChatRoom, newChatRoom } from '../services/chat-room.ts';
import { chatdropForSuite } from '../services/chatdrop-suite.ts';
import { eventually } from '../services/eventually.ts';
import { exeFile, htmlFile, mp4File, pdfFile, pngFile, textFile } from '../services/fixtures.ts';
import { create, fileIdOf, head, offsetOf, openPatch, patch, terminate } from '../services/tus-wire.ts';
import { jsonOf, send, type WireAnswer } from '../services/wire.ts';

const server = chatdropForSuite({ env: { CHAT_UPLOAD_RATE_LIMIT: '100000' } });

const BODIES: Record<string, Buffer> = {
  nothing: Buffer.alloc(0),
  'a line': textFile(40),
  text: textFile(20_000),
  'a picture': pngFile({ bytes: 9000, width: 20, height: 10 }),
  film: mp4File(30_000),
  'a PDF': pdfFile(),
  'an archive': Buffer.from(zip({ 'notes.txt': 'some notes', 'more.txt': 'x'.repeat(9000) })),
  'a broken archive': Buffer.from(zip({ 'notes.txt': 'some notes' }, { cutBytes: 30 })),
  'a program': exeFile(),
  'a program in an archive': Buffer.from(zip({ 'setup.exe': exeFile() })),
  'a page': htmlFile(),
  noise: createHash('sha512').update('noise').digest(),
};
const NAMES = ['a.txt', 'a.png', 'a.mp4', 'a.pdf', 'a.zip', 'a.docx', 'a.exe', 'a', 'ä b‮.png', ''];

test('whatever is sent, both ways answer the same, and leave the same', async () => {
  const { baseUrl } = server();
  const sent = fc.record({
    of: fc.constantFrom(...Object.keys(BODIES)),
    filename: fc.constantFrom(...NAMES),
    filetype: fc.constantFrom(undefined, 'image/png', 'text/plain', 'application/x-msdownload'),
    sha256: fc.constantFrom(undefined, 'right', 'wrong'),
    verb: fc.constantFrom('POST', 'PATCH'),
  });
  await fc.assert(
    fc.asyncProperty(sent, async ({ of, filename, filetype, sha256, verb }) => {
      const body = BODIES[of] as Buffer;
      const right = createHash('sha256').update(body).digest('hex');
      const metadata = {
        ...(filename !== '' && { filename }),
        ...(filetype !== undefined && { filetype }),
        ...(sha256 !== undefined && { sha256: sha256 === 'right' ? right : '0'.repeat(64) }),
      };
      // A body with a checksum takes the ordinary way.
      const checksum = { 'upload-checksum': `sha1 ${createHash('sha1').update(body).digest('base64')}` };
      const share = async (headers: Record<string, string>) => {
        const room = newChatRoom();
        const asked = { baseUrl, token: room.visitor, metadata };
        const created = await create(verb === 'POST' ? { ...asked, body, headers } : { ...asked, length: body.length });
        const isOpen = verb === 'PATCH' && created.status === 201 && body.length > 0;
        const last = isOpen
          ? await patch({ url: created.url, token: room.visitor, offset: 0, body, headers })
          : created;
        const { files, count, seq } = await listFiles(baseUrl, room);
        return {
          answer: told(last),
          after: created.url === '' ? null : told(await head(created.url, room.visitor)),
          files: files.map(({ id: _, company_id, session_id, url, thumbnail, created_at, ...shown }) => ({
            ...{ ...shown, isHere: [company_id, session_id].join() === [room.company, room.session].join() },
          })),
          ...{ count, seq, isTold: Number(last.headers['chat-file-id']) === files[0]?.id },
          unfinished: await listUploads(baseUrl, room),
          contents: await Promise.all(
            files.map(async ({ id }) => {
              const { body: stored } = await get(baseUrl, `/api/chat/files/${id}/content`, room.agent);
              return createHash('sha256').update(stored).digest('hex');
            }),
          ),
        };
      };
      expect(await share({})).toEqual(await share(checksum));
    }),
    { numRuns: 30 },
  );
});

test('a body that breaks off is an upload that goes on; one that comes slowly is stored as it comes', async () => {
  const { baseUrl, dataDir } = server();
  const room = newChatRoom();
  const token = room.visitor;
  const body = mp4File(30_000);
  const { url } = await create({ baseUrl, token, length: body.length });
  const left = openPatch({ url, token, offset: 0, length: body.length });
  await left.write(body.subarray(0, 10_000));
  left.leave();
  await eventually('the file is there', async () => {
    // What arrived before the server saw its client leave is kept, which may be nothing.
    const offset = offsetOf(await head(url, token));
    return (await patch({ url, token, offset, body: body.subarray(offset) })).status === 204;
  });

  const waiting = await create({ baseUrl, token, length: body.length });
  const paused = openPatch({ url: waiting.url, token, offset: 0, length: body.length });
  await paused.write(body.subarray(0, 10_000));
  await eventually('what came is stored', async () => (await unfinishedBytes(dataDir)).length > 0);
  await paused.write(body.subarray(10_000));
  paused.end();
  const answer = await paused.answer;
  const { files } = await listFiles(baseUrl, room);
  expect(files.map(({ size }) => size)).toEqual([body.length, body.length]);
  expect([answer.status, fileIdOf(answer)]).toEqual([204, files[1]?.id]);
});

test('the same bytes twice at once, and a stranger’s: one file, and 404', async () => {
  const { baseUrl } = server();
  const [room, other] = [newChatRoom(), newChatRoom()];
  const body = mp4File(5000);
  const { url } = await create({ baseUrl, token: room.visitor, length: body.length });
  const stranger = await patch({ url, token: other.visitor, offset: 0, body });
  expect([stranger.status, (await head(url, room.visitor)).status]).toEqual([404, 200]);
  const both = await Promise.all([0, 1].map(() => patch({ url, token: room.visitor, offset: 0, body })));
  const statuses = both.map(({ status }) => status).toSorted();
  // Who comes second finds the upload complete, or where it stood before.
  expect([204, 409]).toContain(statuses[1]);
  expect(statuses[0]).toBe(204);
  expect(await listFiles(baseUrl, room)).toMatchObject({ count: 1, seq: 1 });
  expect(await listFiles(baseUrl, other)).toMatchObject({ count: 0 });
});

test('what is ended between its creation and its bytes, by its client or with its chat, is 410 and leaves nothing', async () => {
  const { baseUrl } = server();
  const body = textFile(5000);
  for (const end of [
    (url: string, { visitor }: ChatRoom) => terminate(url, visitor),
    (_url: string, { agent, session }: ChatRoom) =>
      send({ method: 'DELETE', url: `${baseUrl}/api/chat/sessions/${session}/`, headers: bearer(agent) }),
  ]) {
    const room = newChatRoom();
    const { url } = await create({ baseUrl, token: room.visitor, length: body.length });
    expect((await end(url, room)).status).toBe(204);
    expect((await patch({ url, token: room.visitor, offset: 0, body })).status).toBe(410);
    expect(await listFiles(baseUrl, room)).toMatchObject({ count: 0, seq: 0 });
    expect(await listUploads(baseUrl, room)).toEqual([]);
  }
});

/** What is no accident of this one upload. */
function told({ status, headers, body }: WireAnswer) {
  const isProblem = body.length > 0 && String(headers['content-type']).startsWith('application/problem+json');
  const { request_id: _, ...problem } = isProblem ? jsonOf<Record<string, unknown>>({ status, headers, body }) : {};
  const names = ['upload-offset', 'upload-length', 'upload-metadata', 'tus-resumable'] as const;
  const has = (name: string) => [name, headers[name] !== undefined];
  return {
    ...{ status, problem },
    headers: names.map((name) => [name, headers[name]]),
    has: ['location', 'chat-file-id', 'upload-expires', 'retry-after'].map(has),
  };
}
