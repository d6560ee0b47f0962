/** Our client and a real clamd: over TCP and a unix socket, beyond its limit, hanging, and gone. */
import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { readdir, readFile } from 'node:fs/promises';
import net, { type AddressInfo } from 'node:net';
import path from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { readConfig } from '../../server/config.ts';
import { type Clamd, createClamd } from '../../server/scan/clamd.ts';
import type { ScanSubject } from '../../server/scan/scanner.ts';
import { EICAR, SAMPLES_FOLDER, startClamd, type TestClamd } from '../services/clamd.ts';
import { eventually } from '../services/eventually.ts';
import { freePort } from '../services/free-port.ts';

const MIB = 1024 * 1024;
const MAX_BYTES = 3 * MIB + 500;
const never = new AbortController().signal;
let service: TestClamd;
beforeAll(async () => {
  service = await startClamd({ maxBytes: MAX_BYTES });
});
afterAll(() => service?.close());

describe.each(['tcp', 'unix'] as const)('over %s', (kind) => {
  const clamd = () => clientOf(kind === 'tcp' ? service.url : service.socketUrl);

  test('it answers, and says who it is', async () => {
    await clamd().ping();
    expect(await clamd().version()).toMatch(/^ClamAV \d/);
  });

  test('clean, empty, infected, in one piece and in many', async () => {
    const clean = randomBytes(200_000);
    const bad = Buffer.concat([clean, EICAR]);
    expect(await clamd().scan(inPieces(clean, 7001), never)).toEqual({ is: 'clean' });
    expect(await clamd().scan(inPieces(Buffer.alloc(0), 1), never)).toEqual({ is: 'clean' });
    const found = { is: 'infected', signature: 'Eicar-Test-Signature.UNOFFICIAL' };
    for (const pieceBytes of [1, 13, 68]) expect(await clamd().scan(inPieces(EICAR, pieceBytes), never)).toEqual(found);
    expect(await clamd().scan(inPieces(bad, bad.length), never)).toEqual(found);
  });
});

test('all of ClamAV’s own samples are found', async () => {
  const clamd = clientOf(service.url);
  const names = await readdir(SAMPLES_FOLDER);
  expect(names.length).toBeGreaterThanOrEqual(44);
  for (const name of names) {
    const bytes = await readFile(path.join(SAMPLES_FOLDER, name));
    expect([name, await clamd.scan(inPieces(bytes, 65_536), never)]).toMatchObject([name, { is: 'infected' }]);
  }
});

test('its limit is learnt to the byte where ours is near, and to the MiB where it is not', async () => {
  const clamd = clientOf(service.url);
  expect(await clamd.maxBytes(MAX_BYTES)).toBe(MAX_BYTES);
  expect(await clamd.maxBytes(MAX_BYTES + 1)).toBe(3 * MIB);
  expect(await clamd.maxBytes(50 * 1024 * MIB)).toBe(3 * MIB);
});

test('one byte more than it takes is unscannable, however the connection ends', async () => {
  const clamd = clientOf(service.url);
  expect(await clamd.scan(inPieces(Buffer.alloc(MAX_BYTES), 65_536), never)).toEqual({ is: 'clean' });
  for (const pieceBytes of [65_536, MAX_BYTES])
    for (let round = 0; round < 5; round += 1)
      expect(await clamd.scan(inPieces(Buffer.alloc(4 * MAX_BYTES), pieceBytes), never)).toEqual({
        is: 'unscannable',
        why: 'too-large',
      });
  expect(await clamd.scan(inPieces(Buffer.alloc(MAX_BYTES + 1), MAX_BYTES + 1), never)).toMatchObject({
    why: 'too-large',
  });
});

test('what cannot be read, or is shorter than it should be, is no fault of the scanner', async () => {
  const clamd = clientOf(service.url);
  const unreadable: ScanSubject = { sizeBytes: 10, open: () => Promise.reject(new Error('EIO')) };
  await expect(clamd.scan(unreadable, never)).rejects.toThrow('EIO');
  const short = { ...inPieces(randomBytes(50), 10), sizeBytes: 60 };
  await expect(clamd.scan(short, never)).rejects.toThrow('50 bytes came to be scanned, not 60');
});

test('a scanner that is not there, or hangs up in the middle of its answer, is away', async () => {
  const nobody = clientOf(`tcp://127.0.0.1:${await freePort()}`);
  await expect(nobody.scan(inPieces(EICAR, 68), never)).rejects.toMatchObject({ code: 'scanner-unavailable' });
  await expect(nobody.ping()).rejects.toThrow('ECONNREFUSED');
  for (const said of ['', 'stream: OK', 'stream: OK\n', 'x'.repeat(5000), 'stream: Eicar FOUN']) {
    const server = net.createServer((socket) => {
      socket.on('error', () => {});
      socket.once('data', () => socket.end(said));
    });
    server.listen(0, '127.0.0.1');
    await once(server, 'listening');
    const client = clientOf(`tcp://127.0.0.1:${(server.address() as AddressInfo).port}`);
    await expect(client.scan(inPieces(randomBytes(100), 100), never)).rejects.toMatchObject({
      code: 'scanner-unavailable',
    });
    server.close();
  }
});

test('one that hangs is let go of when told to, and nothing more is read for it', async () => {
  const clamd = clientOf(service.url);
  const stop = new AbortController();
  let readBytes = 0;
  const endless: ScanSubject = {
    sizeBytes: 1024 * MIB,
    open: async () =>
      (async function* () {
        for (; readBytes < 1024 * MIB; readBytes += MIB) yield Buffer.alloc(MIB);
      })(),
  };
  service.pause();
  try {
    const scanning = expect(clamd.scan(endless, stop.signal)).rejects.toMatchObject({ code: 'scanner-unavailable' });
    let before = -1;
    await eventually('it takes no more', () => {
      const stands = before === readBytes && readBytes > 0;
      before = readBytes;
      return stands;
    });
    // What the sockets hold, and no more.
    expect(readBytes).toBeLessThan(64 * MIB);
    stop.abort();
    await scanning;
  } finally {
    service.resume();
  }
  await clamd.ping();
});

function clientOf(url: string): Clamd {
  const { clamd } = readConfig({ CLAMAV_URL: url });
  if (clamd === undefined) throw new Error('no address');
  return createClamd(clamd);
}

function inPieces(bytes: Buffer, pieceBytes: number): ScanSubject {
  return {
    sizeBytes: bytes.length,
    open: async () =>
      (async function* () {
        for (let at = 0; at < bytes.length; at += pieceBytes) yield bytes.subarray(at, at + pieceBytes);
      })(),
  };
}
