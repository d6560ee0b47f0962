/** The original service's files come over inside one bucket: its objects stay, ours lie beside them, and a store that is away ends the run. */
import { PutObjectCommand } from '@aws-sdk/client-s3';
import { expect, onTestFinished, test } from 'vitest';
import { download, listFiles, unfinishedBytes } from '../services/chat-api.ts';
import { newChatRoom } from '../services/chat-room.ts';
import { chatdropForSuite } from '../services/chatdrop-suite.ts';
import { makeDjangoSource } from '../services/django-source.ts';
import { mp4File, sha256Of, textFile } from '../services/fixtures.ts';
import { freePort } from '../services/free-port.ts';
import { runCommandHere } from '../services/run-command.ts';
import { bucketAt, objectKeys, testS3Client } from '../services/shared-s3.ts';

/** More than goes into one request. */
const LARGE_BYTES = 33 * 1024 * 1024;

const server = chatdropForSuite();

test('from the bucket that is also the store: small and large, empty and missing', async () => {
  const { baseUrl, dataDir, env } = server();
  const room = newChatRoom();
  const source = await makeDjangoSource();
  onTestFinished(() => source.close());
  const bucket = bucketAt(dataDir);
  if (bucket === undefined) throw new Error('These tests run on S3.');
  const client = testS3Client(bucket);
  onTestFinished(() => client.destroy());
  const bodies = {
    'Grüße & mehr+1.txt': textFile(3000),
    'empty.txt': Buffer.alloc(0),
    'film.mp4': mp4File(LARGE_BYTES),
  };
  const pathOf = (name: string) => `chat/${room.company}/${room.session}/${name}`;
  const add = (name: string, size: number) => {
    const scope = { company_id: room.company, session_id: room.session, uploader: 'user' };
    return source.add({ ...scope, file: pathOf(name), original_name: name, size }, null);
  };
  for (const [name, body] of Object.entries(bodies)) {
    await add(name, body.length);
    await client.send(new PutObjectCommand({ Bucket: bucket.bucket, Key: `media/${pathOf(name)}`, Body: body }));
  }
  const missing = await add('missing.txt', 5);
  const before = await objectKeys(bucket);
  const args = ['import', '--from', source.from, '--media', `s3://${bucket.bucket}/media`, '--even-not-allowed'];

  const nowhere = { ...env, AWS_S3_ENDPOINT_URL: `http://127.0.0.1:${await freePort()}` };
  const away = await runCommandHere(args, nowhere);
  expect([away.code, away.stdout]).toEqual([1, '']);
  expect(away.stderr).toMatch(/^chatdrop: The bucket .+ does not answer: /);

  for (const counts of ['3 imported (33 MiB), 0 there already', '0 imported (0 MiB), 3 there already']) {
    const done = await runCommandHere(args, env);
    expect([done.code, done.stdout]).toEqual([
      1,
      `missing: row ${missing} (${pathOf('missing.txt')}): its bytes are not there\n` +
        `4 rows looked at: ${counts}, 1 missing, 0 refused, 0 failed.\n`,
    ]);
  }
  const { files } = await listFiles(baseUrl, room);
  expect(files.map(({ name }) => name)).toEqual(Object.keys(bodies));
  for (const { name, url, sha256 } of files) {
    const body = bodies[name as keyof typeof bodies];
    expect([name, sha256, (await download(url)).body.equals(body)]).toEqual([name, await sha256Of(body), true]);
  }
  const after = await objectKeys(bucket);
  expect(after.length).toBe(before.length + files.length);
  expect(after).toEqual(expect.arrayContaining(before));
  expect((await unfinishedBytes(dataDir)).filter((key) => !key.startsWith('media/'))).toEqual([]);
});
