/** The reading of a multipart body: back-pressure, silence, and the end of everything in every case. */
import type { IncomingMessage } from 'node:http';
import { PassThrough } from 'node:stream';
import { expect, test } from 'vitest';
import { type MultipartOptions, readMultipart } from '../../server/upload/read-multipart.ts';

const HEADERS = { 'content-type': 'multipart/form-data; boundary=x' };
const HEAD = '--x\r\nContent-Disposition: form-data; name="file"; filename="a.bin"\r\n\r\n';
const LONG_MS = 60_000;

/** What `readMultipart` uses of a request. */
function newRequest(): PassThrough & IncomingMessage {
  return Object.assign(new PassThrough(), { headers: HEADERS }) as unknown as PassThrough & IncomingMessage;
}

function read(request: IncomingMessage, over: Partial<MultipartOptions> = {}) {
  const takeFile: MultipartOptions['takeFile'] = async ({ bytes }) => {
    for await (const _ of bytes);
  };
  const stopping = new AbortController().signal;
  return readMultipart(request, { maxBytes: 1e9, idleTimeoutMs: LONG_MS, stopping, takeFile, ...over });
}

test('a body that is silent ends with 408', async () => {
  const request = newRequest();
  request.write(`${HEAD}bytes`);
  await expect(
    read(request, { idleTimeoutMs: 5, takeFile: () => new Promise((_, reject) => setTimeout(reject, 20)) }),
  ).rejects.toMatchObject({
    code: 'request-timeout',
  });
});

test('nothing is read ahead of who takes the file', async () => {
  const request = newRequest();
  let go = () => {};
  const waiting = new Promise<void>((resolve) => {
    go = resolve;
  });
  let taken = 0;
  const reading = read(request, {
    takeFile: async ({ bytes }) => {
      await waiting;
      for await (const chunk of bytes) taken += chunk.length;
    },
  });
  request.write(`${HEAD}bytes`);
  const chunk = Buffer.alloc(64 * 1024, 'a');
  const count = 100;
  let accepted = 0;
  while (accepted < count && request.write(chunk)) {
    accepted += 1;
    await new Promise(setImmediate);
  }
  expect(accepted).toBeLessThan(20);
  go();
  for (let sent = accepted + 1; sent < count; sent += 1) {
    if (!request.write(chunk)) await new Promise((resolve) => request.once('drain', resolve));
  }
  request.end('\r\n--x--\r\n');
  await reading;
  expect(taken).toBe(count * chunk.length + 5);
});

test('what takeFile throws ends the reading at once, and is what is told', async () => {
  const request = newRequest();
  request.write(`${HEAD}bytes`);
  await expect(read(request, { takeFile: () => Promise.reject(new Error('no room')) })).rejects.toThrow('no room');
  expect(request.listenerCount('data')).toBe(0);
  expect(request.isPaused()).toBe(true);
});

test('the end of the server cuts the file, and is waited for', async () => {
  const request = newRequest();
  const stopping = new AbortController();
  let isOver = false;
  const reading = read(request, {
    stopping: stopping.signal,
    takeFile: async (_file, _before, cut) => {
      await new Promise((resolve) => cut.addEventListener('abort', resolve, { once: true }));
      isOver = true;
    },
  });
  request.write(`${HEAD}bytes`);
  setImmediate(() => stopping.abort());
  await expect(reading).rejects.toMatchObject({ code: 'shutting-down' });
  expect(isOver).toBe(true);
});

test('fields before the file are there when it begins, the others at the end', async () => {
  const request = newRequest();
  let before: string[] = [];
  const field = (name: string) => `--x\r\nContent-Disposition: form-data; name="${name}"\r\n\r\nv\r\n`;
  request.end(`${field('company_id')}${HEAD}abc\r\n${field('size')}--x--\r\n`);
  const fields = await read(request, {
    takeFile: async ({ bytes }, known) => {
      before = [...known.keys()];
      bytes.resume();
    },
  });
  expect([before, [...fields.keys()]]).toEqual([['company_id'], ['company_id', 'size']]);
});
