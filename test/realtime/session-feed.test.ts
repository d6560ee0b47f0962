/** The feed over the real ledger: under any order of events each listener gets what is after its number, once, in order. */
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { LedgerEvent, ServerEvent } from '../../server/contract/events.ts';
import { createChatFileTable, type FileRecord } from '../../server/database/chat-file-table.ts';
import { createEventLedger, type LedgerEntry } from '../../server/database/event-ledger.ts';
import type { Database } from '../../server/database/open-database.ts';
import { createSessionFeed, type Listener, type Subscription } from '../../server/realtime/session-feed.ts';
import { createPresentFile, type PresentFile } from '../../server/sharing/present-file.ts';
import { eventually } from '../services/eventually.ts';
import { insertFile, openTestDatabase, type TestDatabase } from '../services/test-database.ts';

let open: TestDatabase;
beforeAll(async () => {
  open = await openTestDatabase();
  // Thousands of commits, and none of these tests pulls the plug.
  await open.database.raw('pragma synchronous = off');
});
afterAll(() => open.remove());

const presentFile = createPresentFile({
  mediaUrl: () => 'http://x/media/',
  secret: 's',
  expirySeconds: 60,
  now: () => 0,
});

describe('random schedules', () => {
  test.each(Array.from({ length: 12 }, (_, n) => n + 1))('seed %i', async (seed) => {
    const schedule = createSchedule(`company-${seed}`, randomNumbers(seed));
    for (let step = 0; step < 150; step += 1) await schedule.step();
    const { chat, listeners } = schedule;
    await chat.settled();
    while (chat.hasKept()) chat.handOverKept(() => 0);
    const all = await chat.ledger.entriesAfter(chat.company, null, 0, 100_000);
    await drainUntil(listeners, () =>
      listeners.every((listener) => listener.state.closed || chat.hasHeardAll(listener, all)),
    );
    for (const listener of listeners) chat.expectExact(listener, all);
    expect(chat.faults).toEqual([]);
  });
});

describe('one listener', () => {
  test('of a storm of wakes hears each entry once', async () => {
    const chat = createChat('storm');
    const listener = createListener(1000);
    await chat.listen(listener, null);
    for (let n = 0; n < 30; n += 1) {
      chat.share('s');
      for (let wake = 0; wake < 50; wake += 1) chat.feed.wake(chat.company);
    }
    await chat.settled();
    await eventually('all are heard', () => listener.heard.length === 30);
    expect(listener.seqs()).toEqual(range(1, 30));
  });

  test('behind by more than a page hears it all', async () => {
    const chat = createChat('behind');
    for (let n = 0; n < 450; n += 1) chat.share('s');
    await chat.settled();
    const listener = createListener(1000);
    await chat.listen(listener, 's');
    await eventually('all are heard', () => listener.heard.length === 450);
    expect(listener.seqs()).toEqual(range(1, 450));
  });

  test('that is full gets no more until it has room, and then all of it', async () => {
    const chat = createChat('full');
    const listener = createListener(3);
    await chat.listen(listener, 's');
    for (let n = 0; n < 20; n += 1) chat.share('s');
    await chat.settled();
    await eventually('the buffer is full', () => listener.heard.length === 3);
    for (let turn = 0; turn < 20; turn += 1) await new Promise(setImmediate);
    expect(listener.seqs()).toEqual([1, 2, 3]);
    await drainUntil([listener], () => listener.heard.length === 20);
    expect(listener.seqs()).toEqual(range(1, 20));
  });

  test('that is full misses what passes, instead of keeping it waiting', async () => {
    const chat = createChat('passing');
    const listener = createListener(2);
    await chat.listen(listener, 's');
    for (let n = 0; n < 5; n += 1) chat.share('s');
    await chat.settled();
    await eventually('the buffer is full', () => listener.heard.length === 2);
    for (let n = 0; n < 100; n += 1) chat.feed.publish(progressOf(chat.company, 's'), 'nobody');
    expect(listener.state.passing).toBe(0);
  });

  test('that closes while it is told hears not one entry more', async () => {
    const chat = createChat('closing');
    for (let n = 0; n < 10; n += 1) chat.share('s');
    await chat.settled();
    const listener = createListener(1000, (heard) => heard === 4);
    await chat.listen(listener, 's');
    await eventually('it is closed', () => listener.state.closed);
    for (let turn = 0; turn < 20; turn += 1) await new Promise(setImmediate);
    expect(listener.seqs()).toEqual([1, 2, 3, 4]);
  });

  test('that closes while live, as it gets full, is not brought back', async () => {
    const chat = createChat('closing-live');
    const listener = createListener(2, (heard) => heard === 2);
    await chat.listen(listener, 's');
    chat.share('s');
    await chat.settled();
    await eventually('it is live', () => listener.heard.length === 1);
    for (let turn = 0; turn < 20; turn += 1) await new Promise(setImmediate);
    chat.share('s');
    await chat.settled();
    await eventually('it is closed', () => listener.state.closed);
    for (let n = 0; n < 5; n += 1) chat.share('s');
    await chat.settled();
    listener.drain();
    for (let turn = 0; turn < 50; turn += 1) await new Promise(setImmediate);
    expect(listener.seqs()).toEqual([1, 2]);
  });

  test('is told of others’ uploads in its session, not of its own and not of other sessions', async () => {
    const chat = createChat('progress');
    const [here, elsewhere, everywhere] = [createListener(1000), createListener(1000), createListener(1000)];
    await chat.listen(here, 's');
    await chat.listen(elsewhere, 't');
    await chat.listen(everywhere, null);
    chat.feed.publish(progressOf(chat.company, 's'), 'nobody');
    chat.feed.publish(progressOf(chat.company, 's'), here.participant);
    chat.feed.publish(progressOf('another company', 's'), 'nobody');
    expect([here.state.passing, elsewhere.state.passing, everywhere.state.passing]).toEqual([1, 0, 2]);
  });

  test('of one company hears nothing of another', async () => {
    const [mine, theirs] = [createChat('mine'), createChat('theirs')];
    const listener = createListener(1000);
    await mine.listen(listener, null);
    theirs.share('s');
    await theirs.settled();
    mine.feed.wake('theirs');
    mine.share('s');
    await mine.settled();
    await eventually('its own is heard', () => listener.heard.length === 1);
    expect(listener.heard).toMatchObject([{ company_id: 'mine' }]);
  });
});

describe('entries of another process', () => {
  test('are found by a look at the numbers, once; nothing is read where nothing is new', async () => {
    const chat = createChat('elsewhere');
    const listener = createListener(1000);
    await chat.listen(listener, 's');
    await chat.feed.poll();
    await commitShare({ database: open.database, ledger: chat.ledger, company: chat.company }, 's');
    await commitShare({ database: open.database, ledger: chat.ledger, company: 'nobody follows' }, 's');
    for (let turn = 0; turn < 20; turn += 1) await new Promise(setImmediate);
    expect(listener.seqs()).toEqual([]);
    await Promise.all([chat.feed.poll(), chat.feed.poll()]);
    await eventually('it is heard', () => listener.heard.length === 1);
    // A read would fail now, and be reported.
    chat.failReads(1);
    await chat.feed.poll();
    for (let turn = 0; turn < 20; turn += 1) await new Promise(setImmediate);
    expect([listener.seqs(), chat.faults]).toEqual([[1], []]);
  });
});

describe('what this process recorded', () => {
  test('is told as it is, in its order, and the ledger is not read for it', async () => {
    const chat = createChat('handed');
    const [all, one] = [createListener(1000), createListener(1000)];
    await chat.listen(all, null);
    await chat.listen(one, 's');
    for (let turn = 0; turn < 20; turn += 1) await new Promise(setImmediate);
    chat.failReads(1);
    for (const session of ['s', 't', 's']) chat.share(session, 'handed over');
    await chat.settled();
    await eventually('all are heard', () => all.heard.length === 3 && one.heard.length === 2);
    expect([all.seqs(), one.seqs(), chat.faults]).toEqual([[1, 2, 3], [1, 3], []]);
    const committed = await chat.ledger.entriesAfter('handed', null, 0, 100);
    expect(all.heard.map(({ id, type }) => [id, type])).toEqual(committed.map(({ fileId, type }) => [fileId, type]));
  });

  test('behind something that was not handed over is read with it; what comes late is not told twice', async () => {
    const chat = createChat('gap');
    const listener = createListener(1000);
    await chat.listen(listener, null);
    chat.share('s', 'kept');
    chat.share('s', 'handed over');
    await chat.settled();
    await eventually('both are heard', () => listener.heard.length === 2);
    chat.handOverKept(() => 0);
    chat.share('s', 'handed over');
    await chat.settled();
    await eventually('so is the third', () => listener.heard.length === 3);
    expect(listener.seqs()).toEqual([1, 2, 3]);
  });

  test('and removed in the same moment is not shared any more', async () => {
    const chat = createChat('removed at once');
    const listener = createListener(1000);
    await chat.listen(listener, null);
    for (let turn = 0; turn < 20; turn += 1) await new Promise(setImmediate);
    chat.share('s', 'kept');
    chat.removeOne(() => 0);
    await chat.settled();
    chat.handOverKept(() => 0);
    await eventually('its removal is heard', () => listener.heard.length === 1);
    for (let turn = 0; turn < 20; turn += 1) await new Promise(setImmediate);
    expect(listener.heard).toMatchObject([{ type: 'file_removed', seq: 2 }]);
  });

  test('is made into an event only where somebody in its session hears it', async () => {
    const presented: string[] = [];
    const chat = createChat('empty rooms', (file) => {
      presented.push(file.session);
      return presentFile(file);
    });
    const listener = createListener(1000);
    await chat.listen(listener, 's');
    for (let turn = 0; turn < 20; turn += 1) await new Promise(setImmediate);
    for (const session of ['t', 'u', 's']) chat.share(session, 'handed over');
    await chat.settled();
    await eventually('its own is heard', () => listener.heard.length === 1);
    expect([presented, listener.seqs()]).toEqual([['s'], [3]]);
    const follows = ['s', 't'].map((session) => chat.feed.isFollowed(chat.company, session));
    expect([...follows, chat.feed.isFollowed('another company', 's')]).toEqual([true, false, false]);
  });
});

describe('a ledger that cannot be read', () => {
  test('is read again, for those who catch up and for those who are live; each failure is reported', async () => {
    const chat = createChat('failing');
    const live = createListener(1000);
    await chat.listen(live, 's');
    chat.share('s');
    await chat.settled();
    await eventually('it is live', () => live.heard.length === 1);
    for (let turn = 0; turn < 20; turn += 1) await new Promise(setImmediate);
    chat.failReads(2);
    const late = createListener(1000);
    await chat.listen(late, 's');
    chat.share('s');
    chat.share('s');
    await chat.settled();
    await eventually('both heard all', () => live.heard.length === 3 && late.heard.length === 3);
    expect([live.seqs(), late.seqs(), chat.faults.length]).toEqual([[1, 2, 3], [1, 2, 3], 2]);
  });
});

/** What may happen in a chat, in an order that chance decides. */
function createSchedule(company: string, chance: () => number) {
  const chat = createChat(company);
  const sessions = ['s', 't', 'u'];
  const listeners: FakeListener[] = [];
  const subscribe = async () => {
    const session = chance() < 0.3 ? null : pick(sessions, chance);
    const listener = createListener(chance() < 0.5 ? 1 + Math.floor(chance() * 3) : 1000);
    const end = await chat.ledger.lastSeq(company);
    const after = Math.floor(chance() * (end + 1));
    listener.follow(chat.feed.subscribe(listener, company, session, after, end), session, after);
    listeners.push(listener);
  };
  const wakeStorm = () => {
    for (let n = 0; n < 20; n += 1) chat.feed.wake(company);
  };
  /** Each with the chance up to which it is the one that happens. */
  const happenings: [number, () => unknown][] = [
    [0.15, () => chat.share(pick(sessions, chance))],
    [0.3, () => chat.share(pick(sessions, chance), chance() < 0.6 ? 'handed over' : 'kept')],
    [0.35, () => chat.handOverKept(chance)],
    [0.45, () => chat.removeOne(chance)],
    [0.6, subscribe],
    [0.7, () => pick(listeners, chance)?.close()],
    [0.9, () => pick(listeners, chance)?.drain()],
    [1, wakeStorm],
  ];
  return {
    chat,
    listeners,
    async step() {
      const drawn = chance();
      await happenings.find(([upTo]) => drawn < upTo)?.[1]();
      if (chance() < 0.3) await new Promise(setImmediate);
    },
  };
}

type Chat = ReturnType<typeof createChat>;

/** A company with a feed of its own over the shared database; shares and removals commit one behind the other. */
function createChat(company: string, present: PresentFile = presentFile) {
  const files = createChatFileTable(open.database);
  const ledger = createEventLedger(open.database);
  const faults: unknown[] = [];
  let failing = 0;
  const reading = {
    ...ledger,
    entriesAfter: (...args: Parameters<typeof ledger.entriesAfter>) => {
      failing -= 1;
      return failing >= 0 ? Promise.reject(new Error('not now')) : ledger.entriesAfter(...args);
    },
  };
  const feed = createSessionFeed({
    ledger: reading,
    files,
    presentFile: present,
    onFault: (error) => faults.push(error),
  });
  /** Committed, and not told of yet. */
  const kept: FileRecord[] = [];
  const shared: { id: number; session: string }[] = [];
  const removed = new Set<number>();
  const under = { database: open.database, ledger, company };
  let last: Promise<unknown> = Promise.resolve();
  const then = (work: () => Promise<void>) => {
    last = last.then(work).then(() => feed.wake(company));
  };
  const shareAndHand = async (session: string, hand: (file: FileRecord) => void) => {
    const { seq, ...file } = await commitShare(under, session);
    shared.push(file);
    hand({ ...((await files.find(file.id)) as FileRecord), seq });
  };
  return {
    company,
    feed,
    ledger,
    faults,
    settled: () => last,
    /** From the first entry on. */
    async listen(listener: FakeListener, session: string | null) {
      const end = await ledger.lastSeq(company);
      listener.follow(feed.subscribe(listener, company, session, 0, end), session, 0);
    },
    failReads: (times: number) => {
      failing = times;
    },
    share(session: string, how: 'woken' | 'handed over' | 'kept' = 'woken') {
      if (how === 'woken') return then(async () => void shared.push(await commitShare(under, session)));
      const hand = (file: FileRecord) => (how === 'kept' ? void kept.push(file) : feed.wake(company, file));
      last = last.then(() => shareAndHand(session, hand));
    },
    hasKept: () => kept.length > 0,
    /** One of those that were kept, in any order. */
    handOverKept(chance: () => number) {
      const [file] = kept.splice(Math.floor(chance() * kept.length), 1);
      if (file !== undefined) feed.wake(company, file);
    },
    removeOne: (chance: () => number) =>
      then(async () => {
        const file = pick(shared, chance);
        if (file === undefined || removed.has(file.id)) return;
        removed.add(file.id);
        await commitRemoval(under, file);
      }),
    hasHeardAll: (listener: FakeListener, all: LedgerEntry[]) => {
      const heard = listener.seqs().at(-1) ?? 0;
      return entriesFor(listener, all).every((entry) => entry.seq <= heard || isGone(removed)(entry));
    },
    /** What is missing between two that were heard may only be the sharing of a file that is removed since. */
    expectExact(listener: FakeListener, all: LedgerEntry[]) {
      const due = entriesFor(listener, all);
      const heard = listener.seqs();
      expect(heard).toEqual([...new Set(heard)].sort((a, b) => a - b));
      expect(due.map(({ seq }) => seq)).toEqual(expect.arrayContaining(heard));
      const end = listener.state.closed ? (heard.at(-1) ?? 0) : Number.POSITIVE_INFINITY;
      const missing = due.filter(({ seq }) => seq <= end && !heard.includes(seq));
      expect(missing.filter((entry) => !isGone(removed)(entry))).toEqual([]);
      for (const event of listener.heard) expect(event).toMatchObject(shapeOf(due, event.seq));
    },
  };
}

type Under = { database: Database; ledger: Chat['ledger']; company: string };

async function commitShare({ database, ledger, company }: Under, session: string) {
  const id = await insertFile(database, { company, session });
  const seq = await database.transaction(async (transaction) => {
    const next = await ledger.nextSeq(transaction, company);
    await ledger.append(transaction, next, { company, session, type: 'file_shared', fileId: id }, 0);
    return next;
  });
  return { id, session, seq };
}

async function commitRemoval({ database, ledger, company }: Under, { id, session }: { id: number; session: string }) {
  await database.transaction(async (transaction) => {
    await transaction('chat_files').where({ id }).delete();
    const seq = await ledger.nextSeq(transaction, company);
    await ledger.append(transaction, seq, { company, session, type: 'file_removed', fileId: id, reason: 'deleted' }, 0);
  });
}

let listenersMade = 0;
type FakeListener = ReturnType<typeof createListener>;

/** Keeps what it hears; says that it is full at `capacity`, until it is drained. May close itself while it is told. */
function createListener(capacity: number, closesAt: (heard: number) => boolean = () => false) {
  listenersMade += 1;
  const heard: LedgerEvent[] = [];
  let buffered = 0;
  let waiting: (() => void)[] = [];
  let subscription: Subscription | undefined;
  const state = { closed: false, passing: 0, session: null as string | null, after: 0 };
  const drain = () => {
    buffered = 0;
    for (const resolve of waiting.splice(0)) resolve();
  };
  const close = () => {
    subscription?.close();
    state.closed = true;
    drain();
  };
  const listener: Listener = {
    participant: `participant-${listenersMade}`,
    send(event: ServerEvent) {
      buffered += 1;
      if (event.type === 'upload_progress') state.passing += 1;
      else heard.push(event as LedgerEvent);
      const hasRoom = buffered < capacity;
      if (closesAt(heard.length)) close();
      return hasRoom;
    },
    drained: () =>
      new Promise((resolve) => {
        if (buffered < capacity || state.closed) resolve();
        else waiting = [...waiting, resolve];
      }),
  };
  return {
    ...listener,
    heard,
    state,
    drain,
    close,
    seqs: () => heard.map(({ seq }) => seq),
    follow(made: Subscription, session: string | null, after: number) {
      subscription = made;
      Object.assign(state, { session, after });
    },
  };
}

/** Makes room again and again, a turn of the event loop each, for as many turns as any schedule could need. */
async function drainUntil(listeners: FakeListener[], done: () => boolean): Promise<void> {
  for (let turn = 0; turn < 100_000; turn += 1) {
    if (done()) return;
    for (const listener of listeners) listener.drain();
    await new Promise(setImmediate);
  }
  throw new Error('Not everything was heard.');
}

function entriesFor({ state: { session, after } }: FakeListener, all: LedgerEntry[]): LedgerEntry[] {
  return all.filter((entry) => entry.seq > after && (session === null || entry.session === session));
}

function isGone(removed: Set<number>) {
  return ({ type, fileId }: LedgerEntry): boolean => type === 'file_shared' && removed.has(fileId);
}

function shapeOf(due: LedgerEntry[], seq: number): object {
  const entry = due.find((candidate) => candidate.seq === seq);
  return { type: entry?.type, id: entry?.fileId, session_id: entry?.session, company_id: entry?.company, seq };
}

function progressOf(company: string, session: string) {
  return {
    type: 'upload_progress' as const,
    upload_id: 'u',
    company_id: company,
    session_id: session,
    uploader: 'user' as const,
    name: 'a.png',
    size: 10,
    offset: 5,
    state: 'uploading' as const,
  };
}

function range(first: number, last: number): number[] {
  return Array.from({ length: last - first + 1 }, (_, n) => first + n);
}

function pick<T>(from: readonly T[], chance: () => number): T {
  return from[Math.floor(chance() * from.length)] as T;
}

/** The same numbers from 0 to 1 for the same seed (mulberry32). */
function randomNumbers(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 4_294_967_296;
  };
}
