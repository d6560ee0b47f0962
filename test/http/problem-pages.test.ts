/** Where `type` of a problem leads: a page for every code of the table, safe for browsers, and nothing for any other word. */
import { createHash } from 'node:crypto';
import { once } from 'node:events';
import type { Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import Router from '@koa/router';
import Koa from 'koa';
import { pino } from 'pino';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { PROBLEMS, type ProblemCode, problemOf } from '../../server/contract/problem.ts';
import { PROBLEM_GUIDE } from '../../server/http/problem-guide.ts';
import { createProblemPages } from '../../server/http/problem-pages.ts';
import { problemResponses } from '../../server/http/problem-responses.ts';
import { jsonOf, send } from '../services/wire.ts';

const pages = createProblemPages();
let server: Server;
const get = (path: string) =>
  send({ method: 'GET', url: `http://127.0.0.1:${(server.address() as AddressInfo).port}${path}` });

beforeAll(async () => {
  const router = new Router();
  router.get('/problems', pages.list).get('/problems/:code', pages.one);
  const app = new Koa().use(problemResponses(pino({ level: 'silent' }))).use(router.routes());
  server = app.listen(0, '127.0.0.1');
  await once(server, 'listening');
});
afterAll(() => server.close());

describe('the words on each code', () => {
  test.each(Object.entries(PROBLEM_GUIDE))(
    '%s: whole sentences, each with an end, and pairs of backticks',
    (_code, guide) => {
      const { runbook, ...sentences } = guide;
      expect(Object.keys(sentences)).toHaveLength(6);
      for (const text of Object.values(sentences)) {
        expect(text).toMatch(/^[A-Z`].*[.?`…]$/s);
        expect([text, (text.match(/`/g)?.length ?? 0) % 2]).toEqual([text, 0]);
        expect(text).not.toMatch(/<|\n/);
      }
      expect(guide.again).toMatch(/^(?:Yes|No)[.,:]/);
    },
  );

  test('are there for every code of the table, and for no other', () => {
    expect(Object.keys(PROBLEM_GUIDE)).toEqual(Object.keys(PROBLEMS));
  });
});

describe('the page', () => {
  test.each(Object.keys(PROBLEMS) as ProblemCode[])('of %s is where the problem’s type leads', async (code) => {
    const { status, title, type } = problemOf(code);
    const answer = await get(type);
    expect([answer.status, answer.headers['content-type']]).toEqual([200, 'text/html; charset=utf-8']);
    const html = answer.body.toString();
    for (const text of [`<h1>${title}</h1>`, `HTTP ${status} · <code>${code}</code>`, '<html lang="en">'])
      expect(html).toContain(text);
    expect(html).not.toContain('`');
    expect(html.match(/<section>/g)).toHaveLength(5);
  });

  test('loads and runs nothing; its one style sheet is the one that its policy names', async () => {
    const { headers, body } = await get('/problems/infected');
    const style = /<style>([\s\S]*?)<\/style>/.exec(body.toString())?.[1] ?? '';
    const hash = createHash('sha256').update(style).digest('base64');
    expect(headers['content-security-policy']).toBe(
      `default-src 'none'; style-src 'sha256-${hash}'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'`,
    );
    expect(body.toString()).not.toMatch(/<script|style=|\bsrc=|https?:\/\/[^/`<]*\.(?:com|net|org)/);
  });

  test('of all codes leads to each', async () => {
    const html = (await get('/problems/')).body.toString();
    const links = [...html.matchAll(/href="(\/problems\/[a-z-]+)"/g)].map(([, path]) => path);
    expect(links).toEqual(Object.keys(PROBLEMS).map((code) => `/problems/${code}`));
  });

  test.each(['none', 'toString', '__proto__', '%3Cb%3E', 'INFECTED'])(
    'of “%s” there is none: 404 as a problem',
    async (word) => {
      const answer = await get(`/problems/${word}`);
      expect([answer.status, answer.headers['content-type']]).toEqual([404, 'application/problem+json']);
      expect(jsonOf(answer)).toMatchObject({ code: 'not-found', type: '/problems/not-found' });
    },
  );
});
