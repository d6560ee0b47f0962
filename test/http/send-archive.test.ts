/** Archives over HTTP: so many at once, each counted until it is over, however that happens; one that breaks is no whole one. */
import { once } from 'node:events';
import net, { type AddressInfo } from 'node:net';
import { PassThrough, Readable } from 'node:stream';
import Koa from 'koa';
import { pino } from 'pino';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { createHttpServer } from '../../server/http/http-server.ts';
import { problemResponses } from '../../server/http/problem-responses.ts';
import { createSendArchive } from '../../server/http/send-archive.ts';
import { eventually } from '../services/eventually.ts';
import { openRequest, send } from '../services/wire.ts';

const MAX_AT_ONCE = 6;
const archives: PassThrough[] = [];
let baseUrl = '';
let close = () => {};

beforeAll(async () => {
  const sendArchive = createSendArchive({
    maxAtOnce: MAX_AT_ONCE,
    archiveFiles() {
      const archive = new PassThrough();
      archives.push(archive);
      archive.write('the beginning');
      return archive;
    },
  });
  const app = new Koa();
  app.silent = true;
  app.use(problemResponses(pino({ level: 'silent' })));
  app.use(async (ctx) => sendArchive(ctx, { company: ctx.path.slice(1), session: 's', uploader: null, kind: 'files' }));
  const server = app.listen(0, '127.0.0.1');
  close = () => {
    server.closeAllConnections();
    server.close();
  };
  await once(server, 'listening');
  baseUrl = `http://127.0.0.1:${(server.address() as AddressInfo).port}/`;
});
afterAll(() => close());

test('four of a company and so many of all; a client that leaves gives its place back, and stops its archive', async () => {
  const begun = await Promise.all(['a', 'a', 'a', 'a', 'b', 'b'].map(begin));
  const refused = await ask('a');
  expect([refused.status, refused.headers['retry-after']]).toEqual([429, '30']);
  expect((await ask('c')).status).toBe(429);
  expect((await send({ method: 'HEAD', url: `${baseUrl}c` })).status).toBe(429);
  begun.at(-1)?.abort();
  await eventually('its archive is stopped', () => archives.filter(({ destroyed }) => destroyed).length === 1);
  // There is a place, and not for who has four.
  expect((await ask('a')).status).toBe(429);
  const another = await begin('c');
  for (const archive of archives) archive.end();
  for (const { answer } of [...begun.slice(0, -1), another])
    expect(await answer).toMatchObject({ status: 200, headers: { 'content-type': 'application/zip' } });
  expect((await send({ method: 'HEAD', url: `${baseUrl}a` })).status).toBe(200);
});

test('one that breaks off is cut, and not ended as if it were whole', async () => {
  const { answer } = await begin('a');
  const cut = expect(answer).rejects.toThrow();
  archives.at(-1)?.destroy(new Error('the store is away'));
  await cut;
  expect((await begin('a')).abort()).toBeUndefined();
});

test('a reader that takes nothing holds little, and is let go after a while; one that leaves ends it at once', async () => {
  let made = 0;
  const endless: Readable[] = [];
  const app = new Koa();
  app.silent = true;
  const sendArchive = createSendArchive({
    maxStallMs: 500,
    archiveFiles() {
      const archive = new Readable({
        read() {
          made += 65_536;
          this.push(Buffer.alloc(65_536));
        },
      });
      endless.push(archive);
      return archive;
    },
  });
  app.use(async (ctx) => sendArchive(ctx, { company: 'c', session: 's', uploader: null, kind: 'files' }));
  const http = createHttpServer().on('request', app.callback());
  http.listen(0, '127.0.0.1');
  await once(http, 'listening');
  const { port } = http.address() as AddressInfo;
  const open = () => net.connect(port, '127.0.0.1').on('error', () => {});
  const ask = 'GET / HTTP/1.1\r\nHost: localhost\r\n\r\n';

  const silent = open().pause();
  silent.write(ask);
  await eventually('it is let go', () => endless[0]?.destroyed === true, 60_000);
  // What the kernel takes on both sides, and a little of ours.
  expect(made).toBeLessThan(32 * 1024 * 1024);
  silent.destroy();

  const leaving = open();
  leaving.write(ask);
  await once(leaving, 'data');
  leaving.destroy();
  await eventually('its archive is stopped', () => endless[1]?.destroyed === true, 60_000);
  http.closeAllConnections();
  http.close();
});

function ask(company: string) {
  return send({ method: 'GET', url: baseUrl + company });
}

/** A request whose answer has begun. */
async function begin(company: string) {
  const opened = openRequest({ method: 'GET', url: baseUrl + company });
  opened.answer.catch(() => undefined);
  const before = once(opened.request, 'response');
  opened.end();
  await before;
  return opened;
}
