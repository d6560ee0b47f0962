/** What belongs to a request is found wherever its work goes on, also by a Node that was started without the option for it. */
import type { IncomingMessage } from 'node:http';
import { setTimeout as sleep } from 'node:timers/promises';
import { expect, test } from 'vitest';
import { createRequestContext } from '../../server/http/request-context.ts';

const requestOf = (headers: Record<string, string> = {}) => ({ headers, socket: {} }) as unknown as IncomingMessage;

test('each work sees its own request, behind promises, timers and ticks, and nobody else sees any', async () => {
  const { run, idOf, fields, noteTrace } = createRequestContext({ trustProxy: 0 });
  const requests = [requestOf(), requestOf()];
  const seen = await Promise.all(
    requests.map((request, at) =>
      run(request, async () => {
        await sleep(at);
        if (at === 1) noteTrace('trace');
        await new Promise<void>((resolve) => process.nextTick(resolve));
        return new Promise((resolve) => setImmediate(() => resolve(fields())));
      }),
    ),
  );
  expect(seen).toEqual([
    { request_id: idOf(requests[0] as IncomingMessage) },
    { request_id: idOf(requests[1] as IncomingMessage), trace_id: 'trace' },
  ]);
  expect(idOf(requests[0] as IncomingMessage)).not.toBe(idOf(requests[1] as IncomingMessage));
  expect(fields()).toEqual({});
});
