/** One upload as a collector sees it: a tree of spans in its caller's trace, which names nobody; and a collector that is away. */
import { afterAll, beforeAll, expect, test } from 'vitest';
import { newChatRoom } from '../services/chat-room.ts';
import { startChatdrop } from '../services/chatdrop-process.ts';
import { pngFile } from '../services/fixtures.ts';
import { freePort } from '../services/free-port.ts';
import { type Collector, startCollector } from '../services/otlp-collector.ts';
import { create, fileIdOf } from '../services/tus-wire.ts';

const TRACE_ID = '0af7651916cd43dd8448eb211c80319c';
const SECRET = 'diagnosis-of-a-patient';
const room = newChatRoom();
const LARGE_TRACE_ID = '0af7651916cd43dd8448eb211c80319d';
const share = (baseUrl: string, headers: Record<string, string> = {}, bytes = 5000) =>
  create({
    baseUrl,
    token: room.visitor,
    body: pngFile({ bytes }),
    metadata: { filename: `${SECRET}.png` },
    headers,
  });
let collector: Collector;
let logs: string;

beforeAll(async () => {
  collector = await startCollector();
  const env = { OTEL_EXPORTER_OTLP_ENDPOINT: collector.url, LOG_LEVEL: 'debug', TRUST_PROXY: '1' };
  const server = await startChatdrop({ env });
  const shared = await share(server.baseUrl, { traceparent: `00-${TRACE_ID}-b7ad6b7169203331-01` });
  expect(fileIdOf(shared)).toBeGreaterThan(0);
  const large = await share(server.baseUrl, { traceparent: `00-${LARGE_TRACE_ID}-b7ad6b7169203331-01` }, 300_000);
  expect(fileIdOf(large)).toBeGreaterThan(0);
  // Spans that wait are sent before it ends.
  expect(await server.kill('SIGTERM')).toEqual({ code: 0, signal: null });
  logs = server.logs();
  await server.stop();
});
afterAll(() => collector?.stop());

test('an upload is a tree: the request, its finish, and what was done in it', () => {
  const spans = collector.spans().filter(({ traceId }) => traceId === TRACE_ID);
  const root = spans.find(({ parentSpanId }) => parentSpanId === 'b7ad6b7169203331');
  const below = (of: string | undefined) => spans.filter(({ parentSpanId }) => parentSpanId === of);
  const finish = below(root?.spanId).find(({ name }) => name === 'upload finish');
  expect(root?.name).toBe('POST /api/chat/tus');
  const steps = below(finish?.spanId).map(({ name }) => name);
  expect(steps).toEqual(
    expect.arrayContaining(['upload check type', 'storage putWhole', 'upload record', 'upload event']),
  );
  const record = below(finish?.spanId).find(({ name }) => name === 'upload record');
  expect(below(record?.spanId).map(({ name }) => name)).toEqual(['database transaction']);
});

test('one that is too large to be looked at in memory has its way through the store in it', () => {
  const spans = collector.spans().filter(({ traceId }) => traceId === LARGE_TRACE_ID);
  const root = spans.find(({ parentSpanId }) => parentSpanId === 'b7ad6b7169203331');
  const below = (of: string | undefined) => spans.filter(({ parentSpanId }) => parentSpanId === of);
  const finish = below(root?.spanId).find(({ name }) => name === 'upload finish');
  expect(below(root?.spanId).map(({ name }) => name)).toEqual(
    expect.arrayContaining(['storage create', 'storage append']),
  );
  expect(below(finish?.spanId).map(({ name }) => name)).toEqual(
    expect.arrayContaining(['storage makeFinal', 'upload check type', 'upload record', 'upload event']),
  );
});

test('no span names anybody, and lines of the log name the trace', () => {
  for (const secret of [SECRET, room.company, room.session, room.visitor, '127.0.0.1', '?'])
    expect([secret, collector.text().includes(secret)]).toEqual([secret, false]);
  const line = logs.split('\n').find((of) => of.includes('"msg":"request"') && of.includes('/api/chat/tus/'));
  expect(JSON.parse(line ?? '{}')).toMatchObject({ trace_id: TRACE_ID, request_id: expect.any(String) });
});

test('a collector that is away keeps nobody waiting, not even the end', async () => {
  const env = { OTEL_EXPORTER_OTLP_ENDPOINT: `http://127.0.0.1:${await freePort()}` };
  const server = await startChatdrop({ env });
  for (let time = 0; time < 3; time += 1) expect((await share(server.baseUrl)).status).toBe(201);
  expect(await server.stop()).toEqual({ code: 0, signal: null });
});
