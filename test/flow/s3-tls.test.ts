/** The store behind TLS: what is uploaded and fetched, and the links to it, go by https; a certificate of a stranger is refused. */
import { once } from 'node:events';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { request } from 'node:http';
import { createServer, type Server } from 'node:https';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { makeCertificate } from '../services/certificate.ts';
import { get, shareFile } from '../services/chat-api.ts';
import { newChatRoom } from '../services/chat-room.ts';
import { startChatdrop } from '../services/chatdrop-process.ts';
import { mp4File, textFile } from '../services/fixtures.ts';
import { runCommand } from '../services/run-command.ts';
import { bucketSettings, sharedS3 } from '../services/shared-s3.ts';

const MIB = 1024 * 1024;

let folder = '';
let certificate = '';
let front: Server;
let port = 0;
beforeAll(async () => {
  folder = await mkdtemp(path.join(tmpdir(), 'chatdrop-tls-'));
  const made = await makeCertificate(folder, 'localhost');
  certificate = made.certificate;
  front = await startTlsFront(await readFile(made.key), await readFile(certificate));
  port = (front.address() as AddressInfo).port;
});
afterAll(async () => {
  front?.close();
  front?.closeAllConnections();
  await rm(folder, { recursive: true, force: true });
});

test('with its certificate known: parts, a small file, ranges, and a link that is saved', async () => {
  const address = `localhost:${port}`;
  // As the original wrote it: an address without a scheme, and TLS by default.
  const server = await startChatdrop({ env: { AWS_S3_ENDPOINT_URL: address, NODE_EXTRA_CA_CERTS: certificate } });
  try {
    const room = newChatRoom();
    const film = mp4File(7 * MIB);
    const { id } = await shareFile({ baseUrl: server.baseUrl, room, body: film, name: 'a.mp4' });
    const range = { range: `bytes=${5 * MIB}-${6 * MIB}` };
    const part = await get(server.baseUrl, `/api/chat/files/${id}/content`, room.visitor, range);
    expect([part.status, part.body.equals(film.subarray(5 * MIB, 6 * MIB + 1))]).toEqual([206, true]);
    const text = await shareFile({ baseUrl: server.baseUrl, room, body: textFile(300), name: 'a.txt' });
    const link = await get(server.baseUrl, `/api/chat/files/${text.id}/content?disposition=attachment`, room.visitor);
    expect([link.status, String(link.headers.location)]).toEqual([302, expect.stringContaining(`https://${address}/`)]);
  } finally {
    await server.stop();
  }
});

test('with a certificate that nobody vouches for: the doctor says so', async () => {
  const dataDir = path.join(folder, 'data');
  const { stdout, code } = await runCommand(['doctor'], {
    DATA_DIR: dataDir,
    ...(await bucketSettings(dataDir)),
    AWS_S3_ENDPOINT_URL: `https://localhost:${port}`,
  });
  expect([code, stdout]).toEqual([1, expect.stringMatching(/✗ .*self-signed certificate/)]);
});

/** What comes is passed on as it is: the signature is over the host that was asked for. */
async function startTlsFront(key: Buffer, cert: Buffer): Promise<Server> {
  const target = new URL(sharedS3().endpoint);
  const server = createServer({ key, cert }, (incoming, outgoing) => {
    const { method = 'GET', url = '/', headers } = incoming;
    const passed = request({ host: target.hostname, port: target.port, method, path: url, headers }, (answer) => {
      outgoing.writeHead(answer.statusCode ?? 502, answer.headers);
      answer.pipe(outgoing);
    });
    passed.on('error', () => outgoing.destroy());
    incoming.pipe(passed);
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  return server;
}
