/** `/metrics`: what real uploads, refusals, resumes and sockets leave there, who may read it, and that it names nobody. */
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { get } from '../services/chat-api.ts';
import { newChatRoom } from '../services/chat-room.ts';
import { chatdropForSuite } from '../services/chatdrop-suite.ts';
import { eventually } from '../services/eventually.ts';
import { pngFile } from '../services/fixtures.ts';
import { freePort } from '../services/free-port.ts';
import { liveThrough, METRICS_TOKEN, readMetrics, type Samples, SECRET_NAME } from '../services/metrics.ts';
import { create } from '../services/tus-wire.ts';
import { send } from '../services/wire.ts';

const port = await freePort();
const server = chatdropForSuite({
  env: { METRICS_TOKEN, METRICS_PORT: String(port), ADMIN_TOKEN: METRICS_TOKEN.toUpperCase() },
});
const onMainPort = (authorization?: string) =>
  send({ method: 'GET', url: `${server().baseUrl}/metrics`, headers: { authorization } });
let room: Awaited<ReturnType<typeof liveThrough>>;
let samples: Samples;

beforeAll(async () => {
  room = await liveThrough(server().baseUrl);
  // Counted when the answer has ended, which its client may hear of first.
  samples = await eventually('all of it is counted', async () => {
    const read = await readMetrics(server().baseUrl);
    return read.value('chatdrop_http_requests_total', { method: 'DELETE', route: '/api/chat/tus/{id}' }) === 1 && read;
  });
});
afterAll(() => room?.close());

describe('what is counted', () => {
  const value = (name: string, labels?: Record<string, string>) => samples.value(name, labels);

  test('uploads: started, finished, refused by code, resumed, rescued and cancelled', () => {
    expect(value('chatdrop_uploads_started_total', { way: 'tus' })).toBe(4);
    expect(value('chatdrop_uploads_started_total', { way: 'one_request' })).toBe(1);
    expect(value('chatdrop_uploads_started_total', { way: 'parallel' })).toBe(1);
    for (const [way, count] of Object.entries({ tus: 1, one_request: 1, parallel: 1 }))
      expect([way, value('chatdrop_uploads_finished_total', { way })]).toEqual([way, count]);
    expect(value('chatdrop_uploads_refused_total', { code: 'executable' })).toBe(1);
    expect(value('chatdrop_uploads_refused_total', { code: 'file-too-large' })).toBe(1);
    expect(value('chatdrop_uploads_resumed_total')).toBe(1);
    expect(value('chatdrop_uploads_rescued_total')).toBe(1);
    expect(value('chatdrop_uploads_ended_total', { why: 'cancelled' })).toBe(1);
    expect(value('chatdrop_uploads_ended_total', { why: 'expired' })).toBe(0);
    expect(value('chatdrop_uploads_open')).toBe(1);
    expect(value('chatdrop_upload_bodies')).toBe(0);
  });

  test('bytes that came and went, and the time from the last byte to the event of each file', () => {
    expect(value('chatdrop_received_bytes_total')).toBeGreaterThanOrEqual(room.sharedBytes);
    expect(value('chatdrop_served_bytes_total')).toBeGreaterThanOrEqual(room.downloadedBytes);
    expect(value('chatdrop_served_bytes_total')).toBeLessThan(room.downloadedBytes + 10_000);
    expect(value('chatdrop_upload_last_byte_to_event_seconds_count')).toBe(3);
    expect(value('chatdrop_upload_last_byte_to_event_seconds_bucket', { le: '300' })).toBe(3);
  });

  test('sockets by transport, requests by route, refusals by code', () => {
    expect(value('chatdrop_sockets', { transport: 'socket_io' })).toBe(1);
    expect(value('chatdrop_sockets', { transport: 'websocket' })).toBe(1);
    expect(value('chatdrop_http_requests_total', { method: 'POST', route: '/api/chat/tus', status: '201' })).toBe(6);
    expect(value('chatdrop_http_requests_total', { method: 'GET', route: 'none', status: '404' })).toBe(1);
    expect(value('chatdrop_problems_total', { code: 'unauthenticated' })).toBe(2);
    expect(value('chatdrop_http_request_seconds_count', { route: '/api/chat/files/{id}/content' })).toBe(1);
  });

  test('storage, database and what is owed', () => {
    expect(value('chatdrop_storage_seconds_count', { operation: 'makeFinal' })).toBe(3);
    expect(value('chatdrop_storage_errors_total', { operation: 'append' })).toBe(0);
    for (const operation of ['select', 'insert', 'update', 'transaction'])
      expect([operation, value('chatdrop_database_seconds_count', { operation })]).toEqual([
        operation,
        expect.any(Number),
      ]);
    expect(value('chatdrop_database_seconds_count', { operation: 'other' })).toBeUndefined();
    expect(value('chatdrop_database_errors_total', { operation: 'transaction' })).toBe(0);
    for (const queue of ['finish_upload', 'delete_object', 'make_preview', 'deletion'])
      expect([queue, value('chatdrop_queue_jobs', { queue })]).toEqual([queue, 0]);
    expect(value('chatdrop_storage_free_bytes')).toBeGreaterThan(0);
    expect(value('chatdrop_standing_errors_total')).toBe(0);
  });

  test('the process, and which version it is', () => {
    expect(samples.labelsOf('chatdrop_build_info')).toEqual([
      { version: expect.any(String), node: expect.any(String) },
    ]);
    for (const name of [
      'process_resident_memory_bytes',
      'nodejs_eventloop_lag_p99_seconds',
      'nodejs_heap_size_used_bytes',
    ])
      expect([name, value(name)]).toEqual([name, expect.any(Number)]);
  });
});

describe('a scrape', () => {
  test('names no company, session, person, file or address, and no path', () => {
    for (const secret of [room.company, room.session, SECRET_NAME, room.fileId, '127.0.0.1', '?', 'visitor', 'Bearer'])
      expect([secret, samples.text.includes(String(secret))]).toEqual([secret, false]);
    const labels = samples.labelsOf(/^chatdrop_/).flatMap((of) => Object.keys(of));
    expect(new Set(labels)).toEqual(
      new Set([
        'way',
        'code',
        'why',
        'le',
        'method',
        'route',
        'status',
        'limit',
        'transport',
        'operation',
        'verdict',
        'queue',
        'state',
        'version',
        'node',
      ]),
    );
  });

  test('has so many series as there are routes and words, however many chats there are', async () => {
    // A chore may do something for the first time meanwhile: what counts chats and requests is what could grow with them.
    const ofRequests = /^chatdrop_(?:http|uploads|upload|problems|rate|sockets)_/;
    const seriesBefore = (await readMetrics(server().baseUrl)).count(ofRequests);
    for (let time = 0; time < 3; time += 1) {
      const other = newChatRoom();
      await create({
        baseUrl: server().baseUrl,
        token: other.visitor,
        body: pngFile(),
        metadata: { filename: 'one.png' },
      });
      await get(server().baseUrl, `/nowhere/${other.session}`, other.visitor);
    }
    expect((await readMetrics(server().baseUrl)).count(ofRequests)).toBe(seriesBefore);
  });
});

describe('who may read it', () => {
  test('on the server’s port: who has the token, and for others it is not there', async () => {
    const nowhere = await get(server().baseUrl, '/nowhere');
    for (const authorization of [
      undefined,
      'Bearer',
      'Bearer a b',
      'Basic eDp5',
      `Bearer ${room.agent}`,
      `Bearer ${METRICS_TOKEN}x`,
      `Bearer ${METRICS_TOKEN.toUpperCase()}`,
    ]) {
      const answer = await onMainPort(authorization);
      expect([authorization, answer.status]).toEqual([authorization, 404]);
      const { detail, ...rest } = JSON.parse(String(answer.body));
      expect(detail).toBe('There is nothing at /metrics.');
      expect(rest).toMatchObject({ code: 'not-found', title: JSON.parse(String(nowhere.body)).title });
      expect(Object.keys(answer.headers).sort()).toEqual(Object.keys(nowhere.headers).sort());
    }
    const answer = await onMainPort(`Bearer ${METRICS_TOKEN}`);
    expect([answer.status, answer.headers['cache-control']]).toEqual([200, 'no-store']);
    expect(answer.headers['content-type']).toBe('text/plain; version=0.0.4; charset=utf-8');
    expect((await send({ method: 'POST', url: `${server().baseUrl}/metrics` })).status).toBe(405);
  });

  test('on its own port: whoever reaches it, and there is nothing else there', async () => {
    const ask = (method: string, path: string) => send({ method, url: `http://127.0.0.1:${port}${path}` });
    const answer = await ask('GET', '/metrics');
    expect([answer.status, answer.headers['content-type']]).toEqual([200, 'text/plain; version=0.0.4; charset=utf-8']);
    expect(String(answer.body)).toContain('chatdrop_build_info{');
    expect((await ask('POST', '/metrics')).status).toBe(405);
    for (const path of ['/', '/healthz', '/api/chat/files/', '/metrics/x', '/demo/'])
      expect((await ask('GET', path)).status).toBe(404);
  });

  // The last one: nobody here gets in for a minute.
  test('guesses end', async () => {
    const statuses: number[] = [];
    for (let guess = 0; guess < 25; guess += 1) statuses.push((await onMainPort(`Bearer guess-${guess}`)).status);
    expect(new Set(statuses)).toEqual(new Set([404, 429]));
    const right = await onMainPort(`Bearer ${METRICS_TOKEN}`);
    expect([right.status, right.headers['retry-after']]).toEqual([429, expect.stringMatching(/^\d+$/)]);
    const { body } = await send({ method: 'GET', url: `http://127.0.0.1:${port}/metrics` });
    expect(String(body)).toMatch(/chatdrop_rate_limits_hit_total\{limit="metrics_token"\} [1-9]/);
  });
});

describe('without a token and a port', () => {
  const plain = chatdropForSuite({});
  const demo = chatdropForSuite({ development: true });

  test('there are no metrics; in development mode this machine sees them', async () => {
    expect((await get(plain().baseUrl, '/metrics')).status).toBe(404);
    const answer = await get(demo().baseUrl, '/metrics');
    expect([answer.status, String(answer.body)]).toEqual([
      200,
      expect.stringContaining('chatdrop_uploads_started_total'),
    ]);
  });
});
