/** A connection that is open does not keep the request that opened it. */
import { createServer, type IncomingMessage } from 'node:http';
import type { AddressInfo } from 'node:net';
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { Server } from 'socket.io';
import { io as connect } from 'socket.io-client';
import { expect, test } from 'vitest';
import { forgetRequest, rememberRequest } from '../../server/realtime/handshake-request.ts';
import { eventually } from '../services/eventually.ts';

const PATIENCE_MS = 60_000;

setFlagsFromString('--expose-gc');
const collect = runInNewContext('gc') as () => void;

test.each([['websocket'], ['polling', 'websocket']])(
  'over %s',
  async (...transports) => {
    const http = createServer();
    const io = new Server(http);
    const requests: WeakRef<IncomingMessage>[] = [];
    let upgraded = transports.length === 1;
    io.on('connection', (socket) => {
      requests.push(new WeakRef(socket.request));
      socket.conn.once('upgrade', () => {
        upgraded = true;
      });
      forgetRequest(socket.conn);
      Object.assign(socket, { handshake: undefined });
      socket.on('say', (said, answer) => answer(said));
    });
    await new Promise<void>((listening) => http.listen(0, '127.0.0.1', listening));
    const client = connect(`http://127.0.0.1:${(http.address() as AddressInfo).port}`, { transports });
    try {
      await eventually('it is connected, by its last transport', () => client.connected && upgraded, PATIENCE_MS);
      await eventually(
        'the request is gone',
        () => {
          collect();
          return requests.length === 1 && requests.every((request) => request.deref() === undefined);
        },
        PATIENCE_MS,
      );
      expect(await client.emitWithAck('say', 'still here')).toBe('still here');
      expect(client.connected).toBe(true);
    } finally {
      client.close();
      await io.close();
    }
  },
  2 * PATIENCE_MS,
);

test('what is told of it later is kept: whence, and for what, without the token', () => {
  const socket = {} as IncomingMessage['socket'];
  const headers = { 'x-forwarded-for': '192.0.2.1', authorization: 'Bearer a.b.c', cookie: 'chatdrop=a.b.c' };
  const url = '/ws/chat/company/session/?token=a.b.c';
  expect(rememberRequest({ method: 'GET', url, headers, socket })).toEqual({
    method: 'GET',
    url: '/ws/chat/company/session/',
    headers: { 'x-forwarded-for': '192.0.2.1' },
    socket,
  });
});
