/** Pictures in a bucket: without their place, and with a thumbnail beside them. */
import { expect, test } from 'vitest';
import { download, listFiles, shareFile, storedFiles, unfinishedBytes } from '../services/chat-api.ts';
import { newChatRoom } from '../services/chat-room.ts';
import { chatdropForSuite } from '../services/chatdrop-suite.ts';
import { eventually } from '../services/eventually.ts';
import { photo, pixelsOf, placeIn } from '../services/pictures.ts';
import { send } from '../services/wire.ts';

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
