/**
 * Visitors who upload one file after the other with tus-js-client, one with a client of the original API, agents who listen,
 * and lists that are asked for, until told to stop; and then the count: every file once, every byte as sent, every event
 * once to everybody.
 */
import { createHash } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import { type DetailedError, type HttpRequest, type HttpResponse, Upload } from 'tus-js-client';
import { expect } from 'vitest';
import type { ChatFile } from '../../server/contract/chat-file.ts';
import { bearer, get, listFiles, listUploads } from './chat-api.ts';
import { type ChatRoom, newChatRoom } from './chat-room.ts';
import { eventually } from './eventually.ts';
import { type FaithfulListener, listenBySocketIo, listenByWebSocket } from './faithful-listener.ts';
import { filePart, postParts } from './multipart-wire.ts';
import { TUS_PATH } from './tus-wire.ts';
import { NODE_HEADER } from './web-proxy.ts';
import { send } from './wire.ts';

export type TrafficOptions = {
  baseUrl: string;
  /** Each in a chat of their own; one upload at a time. */
  visitors: number;
  fileBytes: number;
  /** Of one PATCH. */
  chunkBytes: number;
  /** Visitors share companies, so that the ledger's counters are shared. */
  companies?: number;
};

export type Traffic = {
  /** Resolves when so many PATCHes more than now have been answered well. */
  more(patches: number): Promise<void>;
  /** Uploads that are under way. */
  running(): number;
  /** Answers by method and status: `PATCH 204`. */
  answers: Map<string, number>;
  /** On how many nodes were PATCHes of one upload answered, at most? Where the proxy says so. */
  spread(): number;
  /** Lets everybody finish the file at hand, and checks everything. @returns how many files there are */
  finish(): Promise<number>;
  /** For a test that failed. */
  abandon(): void;
};

type Sent = { name: string; bytes: Buffer; sha256: string };
type Visitor = {
  room: ChatRoom;
  sent: Sent[];
  listeners: FaithfulListener[];
  /** Creations that were asked for and not answered with 201: each may have left an upload without a byte, which expires. */
  lostCreations: number;
};

/** Longer than any fault of a test lasts on a machine that is busy. */
const RETRY_DELAYS_MS = [50, 100, 200, 400, ...Array.from({ length: 80 }, () => 1000)];
const PATIENCE_MS = 180_000;
const LIST_EVERY_MS = 100;
const WHOLE_FILE_BYTES = 20_000;
/** What a visitor waits before each request, for each visitor that there is. */
const PACE_MS_A_VISITOR = 40;

let filesMade = 0;

export async function startTraffic(options: TrafficOptions): Promise<Traffic> {
  const { baseUrl, visitors: count, companies = 2 } = options;
  const answers = new Map<string, number>();
  let patches = 0;
  let running = 0;
  let stopped = false;
  let spread = 0;
  const note = (method: string, status: number) => {
    answers.set(`${method} ${status}`, (answers.get(`${method} ${status}`) ?? 0) + 1);
    if (method === 'PATCH' && status === 204) patches += 1;
  };
  filesMade += 1;
  const family = `traffic-${process.pid}-${filesMade}`;
  const visitors: Visitor[] = Array.from({ length: count }, (_, at) => {
    const room = newChatRoom(`${family}-${at % companies}`);
    const listeners = [listenBySocketIo(baseUrl, room), listenByWebSocket(baseUrl, room)];
    return { room, sent: [], listeners, lostCreations: 0 };
  });
  const closeListeners = () => {
    for (const { listeners } of visitors) for (const listener of listeners) listener.close();
  };
  await Promise.all(visitors.flatMap(({ listeners }) => listeners.map(({ connected }) => connected)));

  const upload = async (visitor: Visitor) => {
    while (!stopped) {
      const file = newFile(options.fileBytes);
      running += 1;
      spread = Math.max(spread, await uploadOne(options, visitor, file, note));
      running -= 1;
      visitor.sent.push(file);
    }
  };
  const look = async () => {
    for (let at = 0; !stopped; at += 1) {
      const { room } = visitors[at % count] as Visitor;
      const path = ['/api/chat/files/', '/api/chat/uploads/', '/api/chat/sessions/'][at % 3] ?? '';
      await get(baseUrl, path, at % 3 === 1 ? room.visitor : room.agent).then(
        ({ status }) => note('GET', status),
        // The connection was cut: no answer is no wrong one.
        () => {},
      );
      await sleep(LIST_EVERY_MS);
    }
  };
  const original = { room: newChatRoom(`${family}-0`), taken: [] as string[] };
  const sendWhole = async () => {
    while (!stopped) {
      const { name, bytes } = newFile(WHOLE_FILE_BYTES);
      const file = filePart(bytes, `name="file"; filename="${name}"`, 'text/plain');
      const answer = await postParts({ baseUrl, token: original.room.visitor }, [file]).catch(() => null);
      if (answer !== null) note('POST whole', answer.status);
      if (answer?.status === 201) original.taken.push(name);
      await sleep(LIST_EVERY_MS);
    }
  };
  const all = Promise.all([...visitors.map(upload), look(), sendWhole()]);
  all.catch(() => {});
  const abandon = () => {
    stopped = true;
    closeListeners();
  };

  return {
    answers,
    running: () => running,
    spread: () => spread,
    abandon,
    async more(wanted) {
      const goal = patches + wanted;
      await Promise.race([eventually(`${wanted} PATCHes more`, () => patches >= goal, PATIENCE_MS), failureOf(all)]);
    },
    async finish() {
      stopped = true;
      try {
        await all;
        await Promise.all(visitors.map((visitor) => expectAll(baseUrl, visitor)));
        await expectTaken(baseUrl, original);
        expectDecent(answers);
        return visitors.reduce((sum, { sent }) => sum + sent.length, 0);
      } finally {
        closeListeners();
      }
    },
  };
}

function newFile(bytes: number): Sent {
  filesMade += 1;
  const name = `notes-${process.pid}-${filesMade}.txt`;
  const body = Buffer.alloc(bytes, `${name}: a line of ${Math.random()}\n`);
  return { name, bytes: body, sha256: createHash('sha256').update(body).digest('hex') };
}

/**
 * A second creation of an upload that was there means that its client was made to start over.
 * @returns how many nodes took a PATCH
 */
async function uploadOne(
  { baseUrl, visitors, chunkBytes: chunkSize }: TrafficOptions,
  visitor: Visitor,
  { name, bytes }: Sent,
  note: (method: string, status: number) => void,
): Promise<number> {
  // A machine that is busy with them takes long for what the test does meanwhile.
  const paceMs = visitors * PACE_MS_A_VISITOR;
  let created = 0;
  const seen: string[] = [];
  const nodes = new Set<string | undefined>();
  await new Promise<void>((resolve, reject) => {
    new Upload(bytes, {
      endpoint: baseUrl + TUS_PATH,
      headers: { Authorization: `Bearer ${visitor.room.visitor}` },
      metadata: { filename: name, filetype: 'text/plain' },
      chunkSize,
      retryDelays: RETRY_DELAYS_MS,
      storeFingerprintForResuming: false,
      async onBeforeRequest(request: HttpRequest) {
        if (request.getMethod() === 'POST') visitor.lostCreations += 1;
        await sleep(paceMs);
      },
      onAfterResponse(request: HttpRequest, response: HttpResponse) {
        const [method, status] = [request.getMethod(), response.getStatus()];
        note(method, status);
        seen.push(`${method} ${status}`);
        // A proxy that found a node dead names it too, before the one that answered.
        if (method === 'PATCH' && status === 204) nodes.add(response.getHeader(NODE_HEADER)?.split(', ').at(-1));
        if (method !== 'POST' || status !== 201) return;
        created += 1;
        visitor.lostCreations -= 1;
      },
      onSuccess: () => resolve(),
      onError: (error) =>
        reject(new Error(`${name}: ${seen.slice(-10).join(', ')}`, { cause: error as DetailedError })),
    }).start();
  });
  expect([name, created], seen.join(', ')).toEqual([name, 1]);
  return nodes.size;
}

async function expectAll(baseUrl: string, { room, sent, listeners, lostCreations }: Visitor): Promise<void> {
  const names = sent.map(({ name }) => name).sort();
  const files = await allFiles(baseUrl, room);
  expect(files.map(({ name }) => name).sort()).toEqual(names);
  const unfinished = await listUploads(baseUrl, room);
  expect(unfinished.filter(({ offset }) => offset > 0)).toEqual([]);
  expect(unfinished.length).toBeLessThanOrEqual(lostCreations);
  for (const { name, sha256 } of sent) {
    const file = files.find((each) => each.name === name);
    const body = await contentOf(`${baseUrl}/api/chat/files/${file?.id}/content`, room.visitor);
    expect([name, createHash('sha256').update(body).digest('hex')]).toEqual([name, sha256]);
  }
  for (const { name, shared } of listeners) {
    await eventually(`all events have come by ${name}`, () => shared.length >= names.length, PATIENCE_MS);
    expect([name, shared.map((event) => event.name).sort()]).toEqual([name, names]);
    expect([name, shared.map(({ seq }) => seq)]).toEqual([name, shared.map(({ seq }) => seq).sort((a, b) => a - b)]);
  }
}

/** The original API's client: what was answered with 201 is there, once; what was not may be there, once. */
async function expectTaken(baseUrl: string, { room, taken }: { room: ChatRoom; taken: string[] }): Promise<void> {
  const names = (await allFiles(baseUrl, room)).map(({ name }) => name);
  expect(names).toEqual(expect.arrayContaining(taken));
  expect(new Set(names).size).toBe(names.length);
}

async function allFiles(baseUrl: string, room: ChatRoom): Promise<ChatFile[]> {
  const files: ChatFile[] = [];
  for (let cursor = ''; ; ) {
    const page = await listFiles(baseUrl, room, `&limit=200${cursor}`);
    files.push(...page.files);
    if (page.next_cursor === null) return files;
    cursor = `&cursor=${page.next_cursor}`;
  }
}

/** From the server, or from the store that it names. */
export async function contentOf(url: string, token: string): Promise<Buffer> {
  const answer = await send({ method: 'GET', url, headers: bearer(token) });
  if (answer.status !== 302) return answer.body;
  return (await send({ method: 'GET', url: String(answer.headers.location) })).body;
}

/** A fault of ours is never seen, and HEAD never says what makes a client start over. */
function expectDecent(answers: ReadonlyMap<string, number>): void {
  const wrong = [...answers.keys()].filter(
    (answer) => / 500$/.test(answer) || /^HEAD (?:4(?!23)|5)/.test(answer) || /^POST whole 4/.test(answer),
  );
  expect(wrong).toEqual([]);
}

async function failureOf(work: Promise<unknown>): Promise<void> {
  await work;
}
