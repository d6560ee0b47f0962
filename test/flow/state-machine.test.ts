/** Random requests, valid and not, over several uploads and people: the offset is always true, and nobody meets another's bytes. */
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { listFiles } from '../services/chat-api.ts';
import { type ChatRoom, newChatRoom } from '../services/chat-room.ts';
import { chatdropForSuite } from '../services/chatdrop-suite.ts';
import { create, head, offsetOf, patch, terminate } from '../services/tus-wire.ts';
import { send, type WireAnswer } from '../services/wire.ts';

const server = chatdropForSuite({ env: { CHAT_MAX_FILE_SIZE: '100KB' } });

const RUNS = 100;
const MAX_REQUESTS_A_RUN = 120;
const MAX_UPLOADS = 4;
const LIMIT_BYTES = 100 * 1024;

/** What the test believes of an upload. */
type Upload = {
  url: string;
  owner: number;
  length: number | null;
  offset: number;
  state: 'open' | 'finished' | 'ended' | 'refused';
};
type World = { rooms: ChatRoom[]; uploads: Upload[]; shared: number[] };

const who = fc.nat({ max: 2 });
const which = fc.nat({ max: MAX_UPLOADS - 1 });
const bytes = fc.oneof({ weight: 4, arbitrary: fc.integer({ min: 0, max: 3000 }) }, fc.constant(20_000));
const request = fc.oneof(
  fc.record({ kind: fc.constant('create' as const), who, length: fc.oneof(bytes, fc.constant(LIMIT_BYTES + 1)) }),
  fc.record({ kind: fc.constant('create with bytes' as const), who, length: bytes, bytes }),
  fc.record({ kind: fc.constant('create deferred' as const), who }),
  fc.record({ kind: fc.constant('patch' as const), which, bytes }),
  fc.record({ kind: fc.constant('patch' as const), which, bytes: fc.constant(LIMIT_BYTES) }),
  fc.record({ kind: fc.constant('patch the rest' as const), which }),
  fc.record({
    kind: fc.constant('patch elsewhere' as const),
    which,
    shift: fc.integer({ min: -5, max: 5 }).filter((n) => n !== 0),
  }),
  fc.record({ kind: fc.constant('declare' as const), which, length: bytes }),
  fc.record({ kind: fc.constant('head' as const), which }),
  fc.record({ kind: fc.constant('end' as const), which }),
  fc.record({ kind: fc.constant('as another' as const), which, who, verb: fc.constantFrom('HEAD', 'PATCH', 'DELETE') }),
  fc.record({ kind: fc.constant('nonsense' as const), which, headers: fc.constantFrom(...nonsense()) }),
);
type Request = typeof request extends fc.Arbitrary<infer T> ? T : never;

test('tens of thousands of random requests', async () => {
  let requests = 0;
  await fc.assert(
    fc.asyncProperty(fc.array(request, { minLength: 20, maxLength: MAX_REQUESTS_A_RUN }), async (sequence) => {
      const rooms = [newChatRoom(), newChatRoom(), newChatRoom()];
      const world: World = { rooms, uploads: [], shared: [0, 0, 0] };
      for (const step of sequence) {
        const answer = await play(world, step);
        requests += 1;
        if (answer !== null && answer.status >= 500) throw new Error(`${answer.status} to ${JSON.stringify(step)}`);
        requests += await expectTruth(world, step);
      }
      for (const [index, room] of rooms.entries())
        expect((await listFiles(server().baseUrl, room)).count).toBe(world.shared[index]);
    }),
    { numRuns: RUNS, seed: 20_261_122, endOnFailure: true },
  );
  expect(requests).toBeGreaterThan(RUNS * 50);
}, 400_000);

/** Sends one request and moves the world as the specification says. */
async function play(world: World, step: Request): Promise<WireAnswer | null> {
  if ('who' in step && step.kind !== 'as another') return playCreation(world, step);
  const upload = world.uploads[(step as { which: number }).which];
  if (upload === undefined) return null;
  const token = tokenOf(world, upload.owner);
  switch (step.kind) {
    case 'patch':
      return append(world, upload, Math.min(step.bytes, 50_000));
    case 'patch the rest':
      return append(world, upload, upload.length === null ? 10 : upload.length - upload.offset);
    case 'patch elsewhere': {
      const offset = Math.max(0, upload.offset + step.shift);
      if (offset === upload.offset) return null;
      const answer = await patch({ url: upload.url, token, offset, body: text(1) });
      expect(answer.status).toBe({ open: 409, finished: 409, ended: 410, refused: 413 }[upload.state]);
      if (answer.status === 409) expect(offsetOf(answer)).toBe(upload.offset);
      return answer;
    }
    case 'declare':
      return declare(world, upload, step.length);
    case 'head':
      return null;
    case 'end': {
      const answer = await terminate(upload.url, token);
      expect(answer.status).toBe(upload.state === 'ended' ? 410 : 204);
      // A refusal is remembered until it expires, however often its client ends it.
      if (upload.state !== 'refused') upload.state = 'ended';
      return answer;
    }
    case 'as another': {
      if (step.who === upload.owner) return null;
      const answer = await send({
        method: step.verb,
        url: upload.url,
        headers: {
          ...base(tokenOf(world, step.who)),
          'upload-offset': String(upload.offset),
          'content-type': 'application/offset+octet-stream',
        },
      });
      expect(answer.status).toBe(404);
      return answer;
    }
    case 'nonsense': {
      const answer = await send({
        method: 'PATCH',
        url: upload.url,
        headers: {
          ...base(token),
          'content-type': 'application/offset+octet-stream',
          'upload-offset': String(upload.offset),
          ...step.headers,
        },
        body: text(1),
      });
      expect([400, 410, 412, 413, 415]).toContain(answer.status);
      return answer;
    }
    default:
      return null;
  }
}

async function playCreation(world: World, step: Request & { who: number }): Promise<WireAnswer | null> {
  if (world.uploads.length >= MAX_UPLOADS) return null;
  const token = tokenOf(world, step.who);
  const common = { baseUrl: server().baseUrl, token, metadata: { filename: 'a.txt' } };
  if (step.kind === 'create deferred')
    return note(world, step.who, await create({ ...common, deferLength: true }), null, 0);
  if (step.kind === 'create') {
    const answer = await create({ ...common, length: step.length });
    if (step.length <= LIMIT_BYTES) return note(world, step.who, answer, step.length, 0);
    expect(answer.status).toBe(413);
    return answer;
  }
  if (step.kind !== 'create with bytes') return null;
  const answer = await create({ ...common, length: step.length, body: text(step.bytes) });
  if (step.bytes <= step.length) return note(world, step.who, answer, step.length, step.bytes);
  expect(answer.status).toBe(413);
  return answer;
}

function note(
  world: World,
  owner: number,
  answer: WireAnswer & { url: string },
  length: number | null,
  offset: number,
): WireAnswer {
  expect(answer.status).toBe(201);
  const upload: Upload = { url: answer.url, owner, length, offset, state: 'open' };
  world.uploads.push(upload);
  finishIfComplete(world, upload);
  return answer;
}

async function append(world: World, upload: Upload, count: number): Promise<WireAnswer> {
  const answer = await patch({
    url: upload.url,
    token: tokenOf(world, upload.owner),
    offset: upload.offset,
    body: text(count),
  });
  if (upload.state === 'ended') expect(answer.status).toBe(410);
  else if (upload.state === 'refused') expect(answer.status).toBe(413);
  else if (upload.state === 'finished') expect([204, 409, 413]).toContain(answer.status);
  else if (upload.length === null && upload.offset + count > LIMIT_BYTES) refuse(upload, answer);
  else if (upload.length !== null && upload.offset + count > upload.length) expect(answer.status).toBe(413);
  else {
    expect([answer.status, offsetOf(answer)]).toEqual([204, upload.offset + count]);
    upload.offset += count;
    finishIfComplete(world, upload);
  }
  return answer;
}

async function declare(world: World, upload: Upload, length: number): Promise<WireAnswer | null> {
  if (upload.state !== 'open') return null;
  const headers = { 'upload-length': String(length) };
  const answer = await patch({
    url: upload.url,
    token: tokenOf(world, upload.owner),
    offset: upload.offset,
    body: Buffer.alloc(0),
    headers,
  });
  const allowed = upload.length === null ? length >= upload.offset : length === upload.length;
  expect(answer.status).toBe(allowed ? 204 : 400);
  if (allowed) upload.length = length;
  finishIfComplete(world, upload);
  return answer;
}

function refuse(upload: Upload, answer: WireAnswer): void {
  expect(answer.status).toBe(413);
  upload.state = 'refused';
}

function finishIfComplete(world: World, upload: Upload): void {
  if (upload.state !== 'open' || upload.offset !== upload.length) return;
  upload.state = 'finished';
  world.shared[upload.owner] = (world.shared[upload.owner] ?? 0) + 1;
}

/** After every step, HEAD of the upload it was about says what the world believes. @returns the requests it took */
async function expectTruth(world: World, step: Request): Promise<number> {
  const upload = 'which' in step ? world.uploads[step.which] : world.uploads.at(-1);
  if (upload === undefined) return 0;
  const answer = await head(upload.url, tokenOf(world, upload.owner));
  if (upload.state === 'ended' || upload.state === 'refused') expect(answer.status).toBe(410);
  else expect([answer.status, offsetOf(answer)]).toEqual([200, upload.offset]);
  return 1;
}

function tokenOf(world: World, person: number): string {
  return world.rooms[person]?.visitor ?? '';
}

function base(token: string): Record<string, string> {
  return { 'tus-resumable': '1.0.0', authorization: `Bearer ${token}` };
}

function text(count: number): Buffer {
  return Buffer.alloc(count, 'words and more words\n');
}

function nonsense(): Record<string, string>[] {
  const offsets = ['-1', 'NaN', '1e3', '0x10', '9007199254740993', '18446744073709551616', '', ' ', '1,1', '+1'];
  return [
    ...offsets.map((offset) => ({ 'upload-offset': offset })),
    { 'tus-resumable': '2.0.0' },
    { 'content-type': 'text/plain' },
    { 'content-type': 'application/offset+octet-stream; charset=utf-8' },
    { 'upload-length': '-1' },
    { 'upload-length': '1e3' },
  ];
}
