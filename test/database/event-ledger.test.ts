/** The ledger: numbers without a gap in the order of the commits, and honesty about what is no longer kept. */
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { createEventLedger, type EventLedger, type LedgerType } from '../../server/database/event-ledger.ts';
import { insertFile, openTestDatabase, type TestDatabase } from '../services/test-database.ts';

let open: TestDatabase;
let ledger: EventLedger;
beforeAll(async () => {
  open = await openTestDatabase();
  ledger = createEventLedger(open.database);
});
beforeEach(async () => {
  await open.database('ledger').delete();
  await open.database('ledger_counters').delete();
});
afterAll(() => open.remove());

test('a chat is moved by a file that goes; one that is shared has moved it by itself, and a preview is no news', async () => {
  const { database } = open;
  const activity = () => database('chat_sessions').where({ company_id: 'moved' }).pluck('last_activity_at');
  const write = (type: LedgerType, seq: number) =>
    database.transaction((transaction) =>
      ledger.append(transaction, seq, { company: 'moved', session: 's', type, fileId: 1 }, 2000 + seq),
    );
  await insertFile(database, { company: 'moved', session: 's', createdAt: 2000 });
  expect(await activity()).toEqual([2000]);
  await write('file_shared', 1);
  await write('file_updated', 2);
  expect(await activity()).toEqual([2000]);
  await write('file_removed', 3);
  expect(await activity()).toEqual([2003]);
});

describe('numbers', () => {
  test('have no gap and follow the commits, with transactions at once and some rolled back', async () => {
    const committed: number[] = [];
    const all = Array.from({ length: 60 }, async (_, n) => {
      const seq = await open.database
        .transaction(async (transaction) => {
          const next = await ledger.nextSeq(transaction, 'c');
          for (let turn = 0; turn < n % 4; turn += 1) await new Promise(setImmediate);
          await ledger.append(transaction, next, { company: 'c', session: 's', type: 'file_shared', fileId: n }, n);
          if (n % 5 === 0) throw new Error('rolled back');
          return next;
        })
        .catch(() => null);
      if (seq !== null) committed.push(seq);
    });
    const stop = new AbortController();
    const looked = lookForHoles(stop.signal);
    await Promise.all(all);
    stop.abort();
    expect(await looked).toEqual([]);
    // Two commits may be answered the other way round: on PostgreSQL each has a connection of its own.
    committed.sort((a, b) => a - b);
    expect(committed).toEqual(countTo(48));
    expect((await ledger.entriesAfter('c', null, 0, 1000)).map(({ seq }) => seq)).toEqual(committed);
    expect(await ledger.lastSeq('c')).toBe(48);
  });

  test('are each company’s own', async () => {
    await add('a', 's');
    await add('b', 's');
    await add('a', 's');
    expect([await ledger.lastSeq('a'), await ledger.lastSeq('b'), await ledger.lastSeq('never')]).toEqual([2, 1, 0]);
  });

  test('go on after everything was forgotten', async () => {
    await add('c', 's', 1);
    await ledger.trim(2);
    expect([await add('c', 's', 3), await ledger.lastSeq('c')]).toEqual([2, 2]);
  });

  test('are taken once', async () => {
    await add('c', 's');
    const again = open.database.transaction((transaction) =>
      ledger.append(transaction, 1, { company: 'c', session: 's', type: 'file_shared', fileId: 1 }, 0),
    );
    await expect(again).rejects.toThrow(/unique/i);
  });
});

describe('entries after a number', () => {
  test('are of one session or of the company, in order, a page at a time', async () => {
    for (const session of ['s', 't', 's', 't', 's']) await add('c', session);
    await add('other', 's');
    const seqs = async (session: string | null, after: number, max: number) =>
      (await ledger.entriesAfter('c', session, after, max)).map(({ seq }) => seq);
    expect(await seqs(null, 0, 100)).toEqual([1, 2, 3, 4, 5]);
    expect(await seqs('s', 0, 100)).toEqual([1, 3, 5]);
    expect(await seqs('s', 1, 1)).toEqual([3]);
    expect(await seqs('s', 5, 100)).toEqual([]);
    expect(await seqs('nobody', 0, 100)).toEqual([]);
  });

  test('hold what was written', async () => {
    await open.database.transaction(async (transaction) => {
      const seq = await ledger.nextSeq(transaction, 'c');
      const change = {
        company: 'c',
        session: 's',
        type: 'file_removed',
        fileId: 7,
        reason: 'session_deleted',
      } as const;
      await ledger.append(transaction, seq, change, 5);
    });
    expect(await ledger.entriesAfter('c', 's', 0, 10)).toEqual([
      { seq: 1, company: 'c', session: 's', type: 'file_removed', fileId: 7, reason: 'session_deleted' },
    ]);
  });
});

describe('what is kept', () => {
  test('is said truly for every number', async () => {
    for (let at = 1; at <= 5; at += 1) await add('c', 's', at);
    expect(await ledger.trim(3)).toBe(2);
    const kept: number[] = [];
    for (let after = 0; after <= 7; after += 1) if (await ledger.keepsAllAfter('c', after)) kept.push(after);
    // After 2 come 3, 4 and 5, which are there; 6 and 7 are numbers that this ledger never gave.
    expect(kept).toEqual([2, 3, 4, 5]);
  });

  test('of an empty ledger: 0 before the first change, only the last number after all were forgotten', async () => {
    expect([await ledger.keepsAllAfter('c', 0), await ledger.keepsAllAfter('c', 1)]).toEqual([true, false]);
    await add('c', 's', 1);
    await ledger.trim(2);
    expect([await ledger.keepsAllAfter('c', 0), await ledger.keepsAllAfter('c', 1)]).toEqual([false, true]);
  });

  test('has no hole, also when the clock was set back between two entries', async () => {
    for (const at of [100, 10, 110]) await add('c', 's', at);
    await ledger.trim(50);
    for (let after = 0; after <= 3; after += 1) {
      if (!(await ledger.keepsAllAfter('c', after))) continue;
      const seqs = (await ledger.entriesAfter('c', null, after, 10)).map(({ seq }) => seq);
      expect(seqs).toEqual([1, 2, 3].slice(after));
    }
  });
});

/** Whoever reads while others commit sees all numbers up to some number. @returns what was seen that is not so */
async function lookForHoles(stop: AbortSignal): Promise<number[][]> {
  const holes: number[][] = [];
  while (!stop.aborted) {
    const seen = (await ledger.entriesAfter('c', null, 0, 1000)).map(({ seq }) => seq);
    if (seen.some((seq, n) => seq !== n + 1)) holes.push(seen);
  }
  return holes;
}

function countTo(last: number): number[] {
  return Array.from({ length: last }, (_, n) => n + 1);
}

function add(company: string, session: string, nowMs = 0): Promise<number> {
  return open.database.transaction(async (transaction) => {
    const seq = await ledger.nextSeq(transaction, company);
    await ledger.append(transaction, seq, { company, session, type: 'file_shared', fileId: seq }, nowMs);
    return seq;
  });
}
