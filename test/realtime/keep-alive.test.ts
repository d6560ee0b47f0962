/** Whoever does not answer a ping is gone. */
import { once } from 'node:events';
import type { AddressInfo } from 'node:net';
import { expect, test } from 'vitest';
import { type WebSocket, WebSocketServer } from 'ws';
import { createKeepAlive } from '../../server/realtime/keep-alive.ts';
import { plainSocket } from '../services/plain-socket.ts';

test('a client that answers stays, one that does not is cut off', async () => {
  const server = new WebSocketServer({ port: 0, host: '127.0.0.1' });
  await once(server, 'listening');
  const keepAlive = createKeepAlive();
  const url = `ws://127.0.0.1:${(server.address() as AddressInfo).port}`;
  const accept = async () => ((await once(server, 'connection')) as [WebSocket])[0];
  const [accepted, living] = [accept(), plainSocket(url)];
  const livingHere = await accepted;
  const [acceptedToo, silent] = [accept(), plainSocket(url, { autoPong: false })];
  const silentHere = await acceptedToo;
  keepAlive.watch(livingHere);
  keepAlive.watch(silentHere);
  const answered = once(livingHere, 'pong');
  keepAlive.beat();
  await answered;
  keepAlive.beat();
  expect(await silent.closed).toBe(1006);
  expect(livingHere.readyState).toBe(livingHere.OPEN);
  living.socket.terminate();
  server.close();
});
