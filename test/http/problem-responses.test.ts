/** Every error is a problem of the table; of an unknown one nothing is said, and everything is logged. */
import { once } from 'node:events';
import type { AddressInfo } from 'node:net';
import Koa from 'koa';
import { pino } from 'pino';
import { afterEach, describe, expect, test } from 'vitest';
import { PROBLEMS, type ProblemCode } from '../../server/contract/problem.ts';
import { problemResponses } from '../../server/http/problem-responses.ts';
import { Failure } from '../../server/rules/failure.ts';
import { jsonOf, send, type WireAnswer } from '../services/wire.ts';

let close = () => {};
afterEach(() => close());

describe('a failure', () => {
  test.each(Object.entries(PROBLEMS))('%s is its row of the table', async (code, [status, title]) => {
    const { answer } = await answerTo(() => {
      throw new Failure(code as ProblemCode, 'What to do.');
    });
    expect(answer.status).toBe(status);
    expect(answer.headers).toMatchObject({ 'content-type': 'application/problem+json', 'cache-control': 'no-store' });
    expect(jsonOf(answer)).toEqual({
      type: `/problems/${code}`,
      title,
      status,
      detail: 'What to do.',
      code,
    });
    expect(answer.headers['www-authenticate']).toBe(status === 401 ? 'Bearer' : undefined);
  });

  test('brings its headers and the time to wait', async () => {
    const { answer } = await answerTo(() => {
      throw new Failure('offset-conflict', undefined, { retryAfterSeconds: 7, headers: { 'Upload-Offset': '5' } });
    });
    expect(answer.headers).toMatchObject({ 'retry-after': '7', 'upload-offset': '5' });
    expect(jsonOf(answer)).toMatchObject({ detail: 'The upload stands at another offset.' });
  });

  test('after an answer was begun replaces it', async () => {
    const { answer } = await answerTo((ctx) => {
      ctx.body = 'half an answer';
      ctx.length = 5;
      throw new Failure('not-found');
    });
    expect(jsonOf(answer)).toMatchObject({ code: 'not-found' });
    expect(answer.headers['content-length']).toBe(String(answer.body.length));
  });
});

describe('an error that nobody threw on purpose', () => {
  test.each<[string, unknown]>([
    ['an Error', Object.assign(new Error('ENOENT: /srv/secret/place'), { code: 'ENOENT' })],
    ['an Error with a status of ours', Object.assign(new Error('secret place'), { status: 503 })],
    ['a text', 'secret place'],
    ['nothing', undefined],
    ['null', null],
  ])('%s is 500 and says nothing of the inside', async (_what, thrown) => {
    const { answer, logged } = await answerTo(() => {
      throw thrown;
    });
    expect([answer.status, jsonOf(answer)]).toEqual([
      500,
      expect.objectContaining({ code: 'server-error', detail: 'The server failed.' }),
    ]);
    expect(answer.body.toString()).not.toContain('secret');
    expect(logged()).toContain('"level":50');
    if (thrown instanceof Error) expect(logged()).toContain(thrown.message);
  });

  test('with a status of the client’s is 400, and no alarm', async () => {
    const { answer, logged } = await answerTo(() => {
      throw Object.assign(new Error('Failed to decode param'), { status: 400 });
    });
    expect([answer.status, jsonOf(answer)]).toEqual([400, expect.objectContaining({ code: 'invalid-request' })]);
    expect(logged()).toBe('');
  });
});

describe('no answer', () => {
  test('is 404 with the path', async () => {
    const { answer } = await answerTo(() => {});
    expect([answer.status, jsonOf(answer)]).toEqual([
      404,
      expect.objectContaining({ detail: 'There is nothing at /here.' }),
    ]);
  });
});

async function answerTo(work: (ctx: Koa.Context) => void): Promise<{ answer: WireAnswer; logged(): string }> {
  let log = '';
  const app = new Koa();
  const write = (line: string) => {
    log += line;
  };
  app.use(problemResponses(pino({ base: null }, { write })));
  app.use(async (ctx) => work(ctx));
  const server = app.listen(0, '127.0.0.1');
  close = () => server.close();
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  return { answer: await send({ method: 'GET', url: `http://127.0.0.1:${port}/here` }), logged: () => log };
}
