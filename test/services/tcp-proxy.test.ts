/** The proxy itself: what it passes, cuts, swallows and slows. */
import { once } from 'node:events';
import { type AddressInfo, connect, createServer, type Server, type Socket } from 'node:net';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { eventually } from './eventually.ts';
import { startTcpProxy, type TcpProxy } from './tcp-proxy.ts';

let echo: Server;
let atTarget: Socket[];
let ends: string[];
let proxy: TcpProxy;

beforeEach(async () => {
  atTarget = [];
  const endsHere: string[] = [];
  ends = endsHere;
  echo = createServer((socket) => {
    atTarget.push(socket);
    socket.pipe(socket);
    socket.on('error', (error: NodeJS.ErrnoException) => endsHere.push(String(error.code)));
    socket.on('close', () => endsHere.push('close'));
  }).listen(0, '127.0.0.1');
  await once(echo, 'listening');
  proxy = await startTcpProxy({ targetPort: (echo.address() as AddressInfo).port });
});

afterEach(async () => {
  await proxy.stop();
  for (const socket of atTarget) socket.destroy();
  await new Promise((resolve) => echo.close(resolve));
});

test('passes bytes and ends both ways', async () => {
  const { client, received } = await open();
  client.end('x'.repeat(3_000_000));
  await once(client, 'close');
  expect(received()).toBe(3_000_000);
  expect(proxy.bytesUp()).toBe(3_000_000);
  expect(proxy.connections()).toBe(1);
});

test('cut resets both sides, and lets new connections in', async () => {
  const { client, received } = await open();
  client.write('before');
  await eventually('the echo', () => received() === 6);
  const reset = once(client, 'error');
  proxy.cut();
  expect((await reset)[0]).toMatchObject({ code: 'ECONNRESET' });
  await eventually('the target sees it', () => ends.includes('ECONNRESET'));

  const second = await open();
  second.client.write('after');
  await eventually('the second echo', () => second.received() === 5);
  second.client.destroy();
});

test('refuses the open connections and the new ones, until it is over', async () => {
  const { client } = await open();
  const reset = once(client, 'error');
  proxy.refuse(true);
  await reset;
  await once(connect(proxy.port, '127.0.0.1'), 'error');
  expect(proxy.bytesUp()).toBe(0);
  proxy.refuse(false);
  const after = await open();
  after.client.write('seen');
  await eventually('the new connection works', () => after.received() === 4);
  after.client.destroy();
});

test('a hole swallows bytes and ends, for good on the connections that met it', async () => {
  const { client, received } = await open();
  client.write('before');
  await eventually('the echo', () => received() === 6);
  proxy.hole(true);
  client.write('lost');
  client.end();
  const during = await open();
  during.client.write('lost too');
  await eventually('the proxy has taken it', () => proxy.connections() === 2);
  proxy.hole(false);
  const after = await open();
  after.client.write('seen');
  await eventually('the new connection works', () => after.received() === 4);
  expect(received()).toBe(6);
  expect(during.received()).toBe(0);
  expect(ends).toEqual([]);
  for (const socket of [client, during.client, after.client]) socket.destroy();
});

test('rate slows what passes, and lifting it frees what waits', async () => {
  const { client, received } = await open();
  proxy.rate(200_000);
  const startedAt = performance.now();
  client.write('x'.repeat(60_000));
  await eventually('the first bytes back', () => received() >= 60_000);
  expect(performance.now() - startedAt).toBeGreaterThan(250);
  client.write('x'.repeat(50_000_000));
  proxy.rate(Number.POSITIVE_INFINITY);
  await eventually('the rest', () => received() === 50_060_000);
  client.destroy();
});

async function open(): Promise<{ client: Socket; received: () => number }> {
  const client = connect(proxy.port, '127.0.0.1');
  let bytes = 0;
  client.on('data', (chunk) => {
    bytes += chunk.length;
  });
  client.on('error', () => undefined);
  await once(client, 'connect');
  return { client, received: () => bytes };
}
