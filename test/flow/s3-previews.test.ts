/** Pictures in a bucket: without their place, and with a thumbnail beside them. */
import { beforeAll, expect, test } from 'vitest';
import type { ChatFile } from '../../server/contract/chat-file.ts';
import { download, get, listFiles, shareFile, storedFiles, unfinishedBytes } from '../services/chat-api.ts';
import { newChatRoom } from '../services/chat-room.ts';
import { chatdropForSuite } from '../services/chatdrop-suite.ts';
import { eventually } from '../services/eventually.ts';
import { photo, pixelsOf, placeIn } from '../services/pictures.ts';
import { film, INSTALL_MS, installPreviewPrograms, pdfPage } from '../services/preview-programs.ts';
import { runCommandHere } from '../services/run-command.ts';
import { send } from '../services/wire.ts';

beforeAll(installPreviewPrograms, INSTALL_MS);
const server = chatdropForSuite({ env: { THUMBNAILS: 'true' } });

test('a photo is stored without its place, gets its thumbnail, and leaves nothing beside them', async () => {
  const { baseUrl, dataDir } = server();
  const room = newChatRoom();
  const body = await photo({ metadata: true, width: 900, height: 600, orientation: 8 });
  const { id } = await shareFile({ baseUrl, room, body, name: 'a.jpg' });
  const file = await eventually(
    'there is a thumbnail',
    async () => (await listFiles(baseUrl, room)).files.find(({ thumbnail }) => thumbnail !== null),
    60_000,
  );
  expect(file).toMatchObject({ id, width: 600, height: 900 });
  const stored = await download(file.url);
  expect([file.size, await placeIn(stored.body)]).toEqual([stored.body.length, null]);
  expect((await pixelsOf(stored.body)).equals(await pixelsOf(body))).toBe(true);
  const thumbnail = await send({ method: 'GET', url: String(file.thumbnail) });
  expect([thumbnail.status, thumbnail.headers['content-type']]).toEqual([200, 'image/webp']);
  expect(await storedFiles(dataDir)).toHaveLength(2);
  expect(await unfinishedBytes(dataDir)).toEqual([]);
});

test('a PDF and a video get theirs too, and a picture that is made smaller is the only one there', async () => {
  const { baseUrl, dataDir, env } = server();
  const room = newChatRoom();
  const before = (await storedFiles(dataDir)).length;
  await runCommandHere(['company', 'set', room.company, 'compress_images=800', 'max_file_size=1MB'], env);
  const isKnown = async () =>
    JSON.parse((await get(baseUrl, '/api/chat/config/', room.visitor)).body.toString()).max_file_size === 1024 * 1024;
  await eventually('the server knows', isKnown, 60_000);
  await shareFile({ baseUrl, room, body: pdfPage(), name: 'a.pdf' });
  await shareFile({ baseUrl, room, body: await film('mp4'), name: 'a.mp4' });
  const body = await photo({ width: 1000, height: 750, grain: true, metadata: true });
  await shareFile({ baseUrl, room, body, name: 'a.jpg' });
  const files = await eventually(
    'there are thumbnails',
    async () => {
      const { files } = await listFiles(baseUrl, room);
      return files.every(({ thumbnail }) => thumbnail !== null) && files;
    },
    120_000,
  );
  expect(files.map(({ width, height }) => [width, height])).toEqual([
    [453, 640],
    [320, 180],
    [800, 600],
  ]);
  const [, , picture] = files as [ChatFile, ChatFile, ChatFile];
  const stored = await download(picture.url);
  expect([picture.size, stored.body.length < body.length / 2]).toEqual([stored.body.length, true]);
  expect(await storedFiles(dataDir)).toHaveLength(before + 6);
  expect(await unfinishedBytes(dataDir)).toEqual([]);
});
