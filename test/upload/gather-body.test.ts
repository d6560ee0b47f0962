/** A small body is whole in memory, or handed on from its first byte: no byte is lost between the two, and no memory kept. */
import { IncomingMessage } from 'node:http';
import { Socket } from 'node:net';
import { buffer } from 'node:stream/consumers';
import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { bodyOf, createGatherBody, type Gathered } from '../../server/upload/gather-body.ts';

const MIB = 1024 * 1024;
const FIRST = Buffer.from('the first bytes, ');
const REST = Buffer.from('and the rest');
const WHOLE = Buffer.concat([FIRST, REST]);
let draining: AbortController;

beforeEach(() => {
  vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] });
  draining = new AbortController();
});
afterEach(() => void vi.useRealTimers());

test('comes whole: in one piece or in several', async () => {
  for (const pieces of [[WHOLE], [FIRST, REST], []]) {
    const request = newRequest();
    for (const piece of pieces) request.push(piece);
    request.push(null);
    const gathered = await gather(request, WHOLE.length);
    expect(gathered).toEqual({ bytes: Buffer.concat(pieces) });
    expect(await buffer(bodyOf(gathered))).toEqual(Buffer.concat(pieces));
  }
});

test('is there already: taken at once, and who is told of a refusal finds it ended', async () => {
  const request = newRequest();
  request.push(WHOLE);
  const refused = createGatherBody({ draining: draining.signal })(request, WHOLE.length, async (gathered) => {
    expect(gathered).toEqual({ bytes: WHOLE });
    throw new Error('refused');
  });
  const told = expect(refused.catch((error: Error) => [error.message, request.readableEnded])).resolves.toEqual([
    'refused',
    true,
  ]);
  await new Promise(setImmediate);
  expect(request.readableEnded).toBe(false);
  request.push(null);
  await told;
});

test('takes too long: the request itself goes on, with what came before', async () => {
  const request = newRequest();
  request.push(FIRST);
  const gathering = gather(request, WHOLE.length);
  await flowing(request);
  await vi.advanceTimersByTimeAsync(1_000);
  const gathered = await gathering;
  expect(gathered).toEqual({ rest: request });
  request.push(REST);
  request.push(null);
  expect(await buffer(bodyOf(gathered))).toEqual(WHOLE);
});

test('breaks off: what came is handed on, and ends', async () => {
  const request = newRequest();
  request.push(FIRST);
  const gathering = gather(request, WHOLE.length);
  await flowing(request);
  request.destroy(new Error('aborted'));
  const gathered = await gathering;
  expect('rest' in gathered && gathered.rest).not.toBe(request);
  expect(await buffer(bodyOf(gathered))).toEqual(FIRST);
  const gone = newRequest();
  gone.on('error', () => {}).destroy(new Error('aborted before anybody looked'));
  expect(await buffer(bodyOf(await gather(gone, WHOLE.length)))).toEqual(Buffer.alloc(0));
});

test('while the server shuts down it is left to who stores what has come', async () => {
  const request = newRequest();
  request.push(FIRST);
  const gathering = gather(request, WHOLE.length);
  await flowing(request);
  draining.abort();
  expect(await gathering).toEqual({ rest: request });
  expect(await gather(newRequest(), WHOLE.length)).toMatchObject({ rest: expect.any(IncomingMessage) });
});

test('beyond what may be held of all together it is not gathered; what is done gives its part back', async () => {
  const gatherBody = createGatherBody({ draining: draining.signal });
  const release: (() => void)[] = [];
  const hold = (request: IncomingMessage) =>
    gatherBody(request, 32 * MIB, async (gathered) => {
      await new Promise<void>((resolve) => void release.push(resolve));
      return gathered;
    });
  const whole = () => {
    const request = newRequest();
    request.push(WHOLE);
    request.push(null);
    return request;
  };
  const held = [hold(whole()), hold(whole())];
  await vi.waitFor(() => expect(release).toHaveLength(2));
  const third = whole();
  expect(await gatherBody(third, 1, async (gathered) => gathered)).toEqual({ rest: third });
  for (const end of release) end();
  expect(await Promise.all(held)).toEqual([{ bytes: WHOLE }, { bytes: WHOLE }]);
  expect(await gatherBody(whole(), 1, async (gathered) => gathered)).toEqual({ bytes: WHOLE });
  await expect(gatherBody(whole(), 64 * MIB, () => Promise.reject(new Error('failed')))).rejects.toThrow('failed');
  expect(await gatherBody(whole(), 64 * MIB, async (gathered) => gathered)).toEqual({ bytes: WHOLE });
});

function newRequest(): IncomingMessage {
  return new IncomingMessage(new Socket());
}

function gather(request: IncomingMessage, lengthBytes: number): Promise<Gathered> {
  return createGatherBody({ draining: draining.signal })(request, lengthBytes, async (gathered) => gathered);
}

/** What was pushed has been read. */
async function flowing(request: IncomingMessage): Promise<void> {
  while (request.readableLength > 0) await new Promise((resolve) => setImmediate(resolve));
}
