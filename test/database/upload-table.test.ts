/** `uploads`: every step is a compare-and-set, a finish has one owner, and nothing that ended comes back. */
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { createChatFileTable } from '../../server/database/chat-file-table.ts';
import { runnerOf } from '../../server/database/run-statements.ts';
import { runWithin } from '../../server/database/statement.ts';
import { createUploadPartTable } from '../../server/database/upload-part-table.ts';
import {
  createUploadTable,
  type Lease,
  type NewUpload,
  type UploadRecord,
  type UploadRowState,
  type UploadTable,
} from '../../server/database/upload-table.ts';
import { insertFile, openTestDatabase, type TestDatabase } from '../services/test-database.ts';

const NOW = 1_000_000;
const STATES: UploadRowState[] = ['open', 'finishing', 'finished', 'rejected', 'aborted', 'expired', 'joined'];
const MINE = { token: 'process-1.try-1', untilMs: NOW + 1000 };
const THEIRS = { token: 'process-2.try-1', untilMs: NOW + 1000 };

let open: TestDatabase;
let uploads: UploadTable;
let made = 0;
beforeAll(async () => {
  open = await openTestDatabase();
  uploads = createUploadTable(open.database);
});
afterAll(() => open.remove());

type Step = { from: UploadRowState[]; to?: UploadRowState; run(upload: UploadRecord): Promise<unknown> };
const inTransaction = <T>(work: Parameters<typeof open.database.transaction<T>>[0]) => open.database.transaction(work);

const finish = (id: string, lease: Lease) => runnerOf(open.database).transact(() => uploads.steps.finish(id, lease, 7));

/** Each step: the states it may leave, and the one it leads to (the same where none is named). */
const STEPS: Record<string, Step> = {
  noteType: { from: ['open'], run: ({ id }) => uploads.noteType(id, 'image/png') },
  declareLength: { from: ['open'], run: ({ id }) => inTransaction((t) => uploads.declareLength(t, id, 77)) },
  reserveMore: { from: ['open'], run: ({ id }) => inTransaction((t) => uploads.reserveMore(t, id, 99)) },
  noteBytes: { from: ['open'], run: ({ id }) => uploads.noteBytes(id, 5, NOW + 5000) },
  takeLease: { from: ['open'], to: 'finishing', run: ({ id }) => uploads.takeLease(id, THEIRS, NOW) },
  reservePlace: { from: ['open'], run: ({ id }) => uploads.reservePlace(id, 'chat/early') },
  notePlace: { from: ['finishing'], run: ({ id }) => uploads.notePlace(id, MINE, 'chat/key', 'image/gif') },
  releaseLease: { from: ['finishing'], run: ({ id }) => uploads.releaseLease(id, MINE, 'no luck', NOW + 9) },
  finish: {
    from: ['finishing'],
    to: 'finished',
    run: ({ id }) => finish(id, MINE),
  },
  renewLease: { from: ['finishing'], run: ({ id }) => uploads.renewLease(id, { ...MINE, untilMs: MINE.untilMs + 1 }) },
  reject: {
    from: ['open', 'finishing'],
    to: 'rejected',
    run: ({ id }) => inTransaction((t) => uploads.reject(t, id, { code: 'executable', detail: 'A program.' })),
  },
  abort: { from: ['open'], to: 'aborted', run: ({ id }) => uploads.abort(id) },
  expire: { from: ['open'], to: 'expired', run: ({ id }) => uploads.expire(id, NOW) },
  end: { from: ['finished'], run: ({ id }) => uploads.end(id, NOW) },
};

describe('each step from each state', () => {
  const cases = Object.entries(STEPS).flatMap(([name, step]) => STATES.map((state) => ({ name, state, step })));
  test.each(cases)('$name from $state', async ({ state, step }) => {
    const upload = await uploadIn(state);
    const before = await rowOf(upload.id);
    const answer = await step.run(upload);
    const after = await rowOf(upload.id);
    if (!step.from.includes(state)) {
      expect(after).toEqual(before);
      expect([false, null, undefined]).toContainEqual(Array.isArray(answer) ? answer[0] : answer);
      return;
    }
    expect(after.state).toBe(step.to ?? state);
    expect(after).not.toEqual(before);
    expect([false, null]).not.toContain(answer);
  });

  test.each(Object.entries(STEPS))('%s of an upload that is not there does nothing', async (_name, { run }) => {
    const ghost = { id: 'nobody', company: 'nobody', session: 'nobody' } as UploadRecord;
    const answer = await run(ghost);
    expect([false, null, undefined]).toContainEqual(Array.isArray(answer) ? answer[0] : answer);
  });

  test('a length is declared once', async () => {
    const { id } = await uploadIn('open');
    const declare = (sizeBytes: number) => inTransaction((t) => uploads.declareLength(t, id, sizeBytes));
    expect(await declare(5)).toMatchObject({ id, sizeBytes: 5, reservedBytes: 5 });
    expect(await declare(6)).toBeNull();
    expect((await uploads.find(id))?.sizeBytes).toBe(5);
  });

  test('an upload in one request is settled once, and only while it is open', async () => {
    const facts = { session: 'named-late', name: 'late.png', declaredType: 'image/png', sizeBytes: 5 };
    for (const state of STATES) {
      const { id } = await uploadIn(state, { oneRequest: true });
      const isOpen = state === 'open';
      expect([await uploads.settle(id, facts), await uploads.settle(id, facts)]).toEqual([isOpen, false]);
      if (isOpen) expect(await uploads.find(id)).toMatchObject({ ...facts, state });
    }
    expect(await uploads.settle((await uploadIn('open')).id, facts)).toBe(false);
  });

  test('a dead process ends its uploads in one request that are not settled, and nothing else', async () => {
    const tus = await uploadIn('open');
    const lost = await uploadIn('open', { oneRequest: true, holder: 'dead' });
    const alive = await uploadIn('open', { oneRequest: true, holder: 'alive' });
    const settled = await uploadIn('open', { oneRequest: true, holder: 'dead' });
    await uploads.settle(settled.id, { session: 's', name: 'a.png', declaredType: null, sizeBytes: 5 });
    expect(await uploads.holders()).toEqual(expect.arrayContaining(['dead', 'alive']));
    await uploads.freeFinishes('dead');
    expect((await uploads.find(lost.id))?.state).toBe('open');
    await uploads.abortRequests('dead');
    const states = [tus, lost, alive, settled].map(async ({ id }) => (await uploads.find(id))?.state);
    expect(await Promise.all(states)).toEqual(['open', 'aborted', 'open', 'open']);
  });

  test('a finish forgets its lease, a refusal keeps its words', async () => {
    const finished = await uploadIn('finishing');
    await finish(finished.id, MINE);
    expect(await rowOf(finished.id)).toMatchObject({ file_id: 7, lease_token: null, lease_until: null });
    const refused = await uploadIn('open');
    await inTransaction((t) => uploads.reject(t, refused.id, { code: 'executable', detail: 'A program.' }));
    expect((await uploads.find(refused.id))?.refusal).toEqual({ code: 'executable', detail: 'A program.' });
  });

  test('a transaction that is rolled back leaves the upload as it was', async () => {
    const { id } = await uploadIn('finishing');
    const before = await rowOf(id);
    const failed = inTransaction(async (t) => {
      expect(await runWithin(t, uploads.steps.finish(id, MINE, 7))).toBe(true);
      throw new Error('after it');
    });
    await expect(failed).rejects.toThrow('after it');
    expect(await rowOf(id)).toEqual(before);
  });
});

describe('the lease', () => {
  test('of many who ask at once one gets it', async () => {
    const { id } = await uploadIn('open');
    const tries = Array.from({ length: 20 }, (_, n) =>
      uploads.takeLease(id, { ...MINE, token: `process-${n + 10}.try-1` }, NOW),
    );
    const taken = (await Promise.all(tries)).filter((upload) => upload !== null);
    expect(taken).toMatchObject([{ id, state: 'finishing', attempts: 1 }]);
  });

  test('is refused until it is over, then taken over; the one before can do nothing more', async () => {
    const { id } = await uploadIn('finishing');
    expect(await uploads.takeLease(id, THEIRS, MINE.untilMs)).toBeNull();
    expect(await uploads.takeLease(id, THEIRS, MINE.untilMs + 1)).toMatchObject({ id, attempts: 1 });
    const before = await rowOf(id);
    expect(await uploads.notePlace(id, MINE, 'chat/key', 'image/gif')).toBe(false);
    expect(await finish(id, MINE)).toBe(false);
    await uploads.releaseLease(id, MINE, 'late', NOW);
    expect(await rowOf(id)).toEqual(before);
    expect(await finish(id, THEIRS)).toBe(true);
  });

  test('of the same process is one that it could not give back: taken over at once, and due', async () => {
    const { id } = await uploadIn('finishing');
    await open.database('uploads').where({ id }).update({ bytes_received: 10 });
    expect(await uploads.listFinishDue(NOW, 1000, 'process-1')).toContain(id);
    expect(await uploads.listFinishDue(NOW, 1000, 'process-11')).not.toContain(id);
    expect(await uploads.takeLease(id, { ...MINE, token: 'process-11.try-1' }, NOW)).toBeNull();
    expect(await uploads.takeLease(id, { ...MINE, token: 'process-1.try-2' }, NOW)).not.toBeNull();
    expect(await finish(id, MINE)).toBe(false);
  });

  test('given back is free at once, with the reason noted and the next try put off', async () => {
    const { id } = await uploadIn('finishing');
    await uploads.releaseLease(id, MINE, 'x'.repeat(2000), NOW + 500);
    expect(await rowOf(id)).toMatchObject({ last_error: 'x'.repeat(1000), next_attempt_at: NOW + 500 });
    expect(await uploads.takeLease(id, THEIRS, NOW)).toMatchObject({ state: 'finishing' });
  });

  test('of a dead process is freed, whatever its time; of another it is not', async () => {
    const { id } = await uploadIn('finishing');
    const other = await uploadIn('finished');
    const before = await rowOf(other.id);
    await uploads.freeFinishes('somebody');
    expect(await uploads.takeLease(id, THEIRS, NOW)).toBeNull();
    await uploads.freeFinishes(MINE.token.split('.')[0] ?? '');
    expect(await uploads.holders()).not.toContain(MINE.token.split('.')[0]);
    expect(await uploads.takeLease(id, THEIRS, NOW)).not.toBeNull();
    expect(await rowOf(other.id)).toEqual(before);
  });
});

describe('what is due', () => {
  test('a finish: all bytes there, its time come, nobody at it', async () => {
    const rows: [string, object, boolean][] = [
      ['complete and open', { size: 5, bytes_received: 5 }, true],
      [
        'complete and finishing, lease over',
        { state: 'finishing', lease_until: NOW - 1, size: 5, bytes_received: 5 },
        true,
      ],
      ['somebody at it', { state: 'finishing', lease_until: NOW, size: 5, bytes_received: 5 }, false],
      ['a byte short', { size: 5, bytes_received: 4 }, false],
      ['length not known', { size: null, bytes_received: 0 }, false],
      ['of no bytes', { size: 0, bytes_received: 0 }, true],
      ['put off', { size: 5, bytes_received: 5, next_attempt_at: NOW + 1 }, false],
      ['due right now', { size: 5, bytes_received: 5, next_attempt_at: NOW }, true],
      ...STATES.slice(2).map((state): [string, object, boolean] => [
        state,
        { state, size: 5, bytes_received: 5 },
        false,
      ]),
    ];
    const names = new Map<string, string>();
    for (const [name, change] of rows) {
      const { id } = await uploadIn('open');
      await open.database('uploads').where({ id }).update(change);
      names.set(id, name);
    }
    const due = (await uploads.listFinishDue(NOW, 1000, 'process-3'))
      .map((id) => names.get(id))
      .filter((name) => name !== undefined);
    expect(due.sort()).toEqual(
      rows
        .filter(([, , is]) => is)
        .map(([name]) => name)
        .sort(),
    );
    expect(await uploads.listFinishDue(NOW, 2, 'process-3')).toHaveLength(2);
  });

  test('finishes that failed are due at once when they are hurried; one that runs, and what is open, is left alone', async () => {
    const putOff = { size: 5, bytes_received: 5, next_attempt_at: NOW + 60_000 };
    const [failed, running, complete] = [
      await uploadIn('finishing'),
      await uploadIn('finishing'),
      await uploadIn('open'),
    ];
    await open
      .database('uploads')
      .where({ id: failed.id })
      .update({ ...putOff, lease_until: 0 });
    await open
      .database('uploads')
      .where({ id: running.id })
      .update({ ...putOff, lease_until: NOW + 1 });
    await open.database('uploads').where({ id: complete.id }).update(putOff);
    const ids = [failed.id, running.id, complete.id];
    const due = async () => (await uploads.listFinishDue(NOW, 1000, 'process-3')).filter((id) => ids.includes(id));
    expect(await due()).toEqual([]);
    await uploads.hurryFinishes();
    expect(await due()).toEqual([failed.id]);
  });

  test('an expiry: only of what is open, and only past its time; bytes that arrive put it off', async () => {
    const late = await uploadIn('open');
    const rescued = await uploadIn('open');
    for (const state of STATES.slice(1)) await uploadIn(state);
    const found = (await uploads.listExpired(NOW, 10_000)).map(({ id }) => id);
    expect(found).toEqual(expect.arrayContaining([late.id, rescued.id]));
    await uploads.noteBytes(rescued.id, 1, NOW + 10);
    expect([await uploads.expire(rescued.id, NOW), await uploads.expire(late.id, NOW)]).toEqual([false, true]);
    expect((await uploads.listExpired(NOW, 10_000)).every(({ state }) => state === 'open')).toBe(true);
    expect(await uploads.expire(rescued.id, NOW + 10)).toBe(false);
    expect(await uploads.expire(rescued.id, NOW + 11)).toBe(true);
  });

  test('a purge: what ended without a file, and what lost its file; never what is unfinished', async () => {
    const ids = new Map<string, string>();
    for (const state of STATES) ids.set(state, (await uploadIn(state)).id);
    const kept = await uploadIn('finished');
    await insertFile(open.database, { uploadId: kept.id, storageKey: 'chat/kept' });
    const young = await uploadIn('aborted');
    await open.database('uploads').where({ id: young.id }).update({ expires_at: NOW });
    await uploads.purge(NOW);
    for (const [state, id] of ids)
      expect([state, (await uploads.find(id)) !== null]).toEqual([state, ['open', 'finishing'].includes(state)]);
    expect(await uploads.find(kept.id)).not.toBeNull();
    expect(await uploads.find(young.id)).not.toBeNull();
  });
});

describe('a new upload', () => {
  test('is counted for a visitor by session, for an agent by subject; one that has ended is not', async () => {
    const session = newSession();
    const agent = { uploader: 'agent' as const, subject: `agent-${session}` };
    const visitors = [newUpload({ session }), newUpload({ session, subject: 'another-device' })];
    const agents = [newUpload({ session, ...agent }), newUpload({ session: newSession(), ...agent })];
    const others = [
      newUpload({ session: newSession() }),
      newUpload({ session, ...agent, subject: 'another' }),
      newUpload({ session, company: 'another' }),
      newUpload({ session, company: 'another', ...agent }),
    ];
    for (const upload of [...visitors, ...agents, ...others]) await insert(upload);
    const pending = async (upload = newUpload({ session })) =>
      runWithin(open.database, uploads.steps.pendingOf(upload));
    expect(await pending()).toEqual({ uploads: 2, bytes: 40, filesOfChat: 0 });
    expect(await pending(agents[0])).toEqual({ uploads: 2, bytes: 40, filesOfChat: 0 });
    expect(await pending(newUpload())).toEqual({ uploads: 0, bytes: 0, filesOfChat: 0 });
    await uploads.abort(visitors[0]?.id ?? '');
    await uploads.takeLease(visitors[1]?.id ?? '', MINE, NOW);
    await uploads.abort(agents[1]?.id ?? '');
    expect(await pending()).toEqual({ uploads: 1, bytes: 20, filesOfChat: 0 });
    expect(await pending(agents[0])).toEqual({ uploads: 1, bytes: 20, filesOfChat: 0 });
  });

  test('that its file has a row for is found as what it was, and counted the same, whether it was open before or not', async () => {
    const files = createChatFileTable(open.database);
    const [before, atOnce] = [newUpload({ company: 'before' }), newUpload({ company: 'at-once' })];
    // As `insertFile` has the chat begin.
    for (const upload of [before, atOnce]) Object.assign(upload, { createdAt: 1000, sizeBytes: 20, reservedBytes: 20 });
    const { transact } = runnerOf(open.database);
    const insertWhole = (upload: NewUpload) =>
      insertFile(open.database, {
        ...{ uploadId: upload.id, company: upload.company, session: upload.session, createdAt: upload.createdAt },
        ...{ name: upload.name, sizeBytes: 19, mimeType: 'text/plain' },
        upload: { sizeBytes: 20, subject: null, metadata: 'filename YQ==', expiresAt: NOW + 9000 },
      });
    await insert(before);
    const fileId = await insertWhole(before);
    expect(await transact(() => uploads.steps.leaveToFile(before.id, 21))).toBe(false);
    expect(await transact(() => uploads.steps.leaveToFile(before.id, 20))).toBe(true);
    await insertWhole(atOnce);
    const known = { state: 'finished', sizeBytes: 20, bytesReceived: 20, metadata: 'filename YQ==', endedAt: null };
    expect(await uploads.find(before.id)).toMatchObject({ ...known, id: before.id, fileId, expiresAt: NOW + 9000 });
    expect(await uploads.find(atOnce.id)).toMatchObject({ ...known, id: atOnce.id, reservedBytes: 0, refusal: null });
    const countersOf = async (company: string) =>
      Promise.all(
        ['company_usage', 'company_days', 'company_statistics', 'webhook_deliveries'].map(async (table) =>
          (await open.database(table).where({ company_id: company }))
            // A count of nothing is none.
            .filter(({ bytes, total }) => bytes !== 0 || (total ?? 0) !== 0)
            .map((row) => ({ ...row, company_id: '' })),
        ),
      );
    const counted = await countersOf('before');
    expect(await countersOf('at-once')).toEqual(counted);
    expect(counted[1]).toMatchObject([{ bytes: 20 }]);

    // None of these can be taken for one that is unfinished, and a client that ends one finds it ended.
    expect([await uploads.abort(before.id), await uploads.takeLease(before.id, MINE, NOW)]).toEqual([false, null]);
    await uploads.end(before.id, NOW);
    const ended = await uploads.find(before.id);
    expect(ended?.endedAt).toBe(NOW);
    // When its file goes, whoever asks for it hears the same until it expires; who and what it was is forgotten.
    await open.database.transaction((transaction) => files.take(transaction, [fileId]));
    expect(await uploads.find(before.id)).toEqual({ ...ended, name: '', metadata: null });
    expect((await countersOf('before')).slice(1)).toEqual(counted.slice(1));
    await uploads.purge(NOW + 9001);
    expect(await uploads.find(before.id)).toBeNull();
    expect(await uploads.find(atOnce.id)).toMatchObject(known);
  });

  test('never takes an id a second time', async () => {
    const upload = newUpload();
    await insert(upload);
    await expect(insert(upload)).rejects.toThrow(/unique/i);
  });

  test('is read back as it was written', async () => {
    const upload = newUpload({
      declaredType: 'image/png',
      metadata: 'filename YQ==',
      fileKey: 'k',
      sha256: 'f'.repeat(64),
      sizeBytes: 2 ** 50,
    });
    await insert(upload);
    const { holder: _, ...readBack } = upload;
    expect(await uploads.find(upload.id)).toMatchObject({
      ...readBack,
      state: 'open',
      bytesReceived: 0,
      attempts: 0,
      refusal: null,
    });
  });

  test('pages of everything unfinished meet each one once', async () => {
    const session = newSession();
    for (let n = 0; n < 7; n += 1) await insert(newUpload({ session }));
    const met: string[] = [];
    for (let after = ''; ; after = met.at(-1) ?? '') {
      const page = await uploads.pageUnfinished(after, 3);
      met.push(...page.map(({ id }) => id));
      if (page.length < 3) break;
    }
    expect(new Set(met).size).toBe(met.length);
    const listed = await uploads.listUnfinished('company', session, 100, 0);
    expect(met).toEqual(expect.arrayContaining(listed.map(({ id }) => id)));
  });

  test('what nobody could scan is listed until it expires, behind what can go on; other refusals are not', async () => {
    const session = newSession();
    const refuse = async (code: 'unscannable' | 'infected', createdAt: number) => {
      const upload = newUpload({ session, createdAt });
      await insert(upload);
      await inTransaction((t) => uploads.reject(t, upload.id, { code, detail: 'No.' }));
      return upload;
    };
    const refused = await refuse('unscannable', NOW - 50);
    await refuse('infected', NOW - 40);
    const unfinished = newUpload({ session, createdAt: NOW });
    await insert(unfinished);
    const list = async (max: number, at: number) =>
      (await uploads.listUnfinished('company', session, max, at)).map(({ id }) => id);
    expect(await list(10, refused.expiresAt - 1)).toEqual([unfinished.id, refused.id]);
    expect(await list(1, refused.expiresAt - 1)).toEqual([unfinished.id]);
    expect(await list(10, refused.expiresAt)).toEqual([unfinished.id]);
  });
});

describe('a client that comes back', () => {
  test('is counted once for each offset that it comes back to, also when the finish is faster', async () => {
    const { id } = await uploadIn('open');
    expect(await uploads.find(id)).toMatchObject({ resumes: 0, resumedOffset: null });
    expect([await uploads.noteResume(id, 5), await uploads.noteResume(id, 5)]).toEqual([true, false]);
    expect(await uploads.noteResume(id, 10)).toBe(true);
    expect(await uploads.find(id)).toMatchObject({ resumes: 2, resumedOffset: 10, state: 'open' });
    const late = await uploadIn('finished');
    expect(await uploads.noteResume(late.id, 5)).toBe(true);
    expect(await uploads.find(late.id)).toMatchObject({ resumes: 1, state: 'finished' });
    expect(await uploads.noteResume('nobody', 5)).toBe(false);
  });

  test('to a part came back to the whole, however often that is put together', async () => {
    const [first, second, whole] = [await uploadIn('open'), await uploadIn('open'), await uploadIn('open')];
    const table = createUploadPartTable(open.database);
    await inTransaction((t) => table.add(t, whole.id, [first.id, second.id]));
    for (const [id, offset] of [
      [first.id, 5],
      [second.id, 3],
      [second.id, 4],
    ] as const)
      await uploads.noteResume(id, offset);
    for (let time = 0; time < 2; time += 1)
      expect(await inTransaction((t) => uploads.fixLength(t, whole.id, 20))).toBe(true);
    expect(await uploads.find(whole.id)).toMatchObject({ resumes: 3, sizeBytes: 20 });
  });
});

function insert(upload: NewUpload): Promise<void> {
  return uploads.insert(open.database, upload);
}

function newSession(): string {
  made += 1;
  return `session-${made}`;
}

function newUpload(over: Partial<NewUpload> = {}): NewUpload {
  made += 1;
  return {
    id: `upload-${made}`,
    company: 'company',
    session: `session-${made}`,
    uploader: 'user',
    subject: null,
    name: 'photo.png',
    declaredType: null,
    sizeBytes: null,
    reservedBytes: 20,
    metadata: null,
    fileKey: null,
    sha256: null,
    concat: null,
    oneRequest: false,
    holder: null,
    createdAt: NOW - 100,
    expiresAt: NOW - 1,
    ...over,
  };
}

/** An upload past its time in a state, of unknown length while it may be; `finishing` is held by `MINE`. */
async function uploadIn(state: UploadRowState, over: Partial<NewUpload> = {}): Promise<UploadRecord> {
  const upload = newUpload(over);
  await insert(upload);
  const lease = { size: 10, lease_token: MINE.token, lease_until: MINE.untilMs };
  const more = { finishing: lease, finished: { size: 10, file_id: 1 } }[state as string] ?? {};
  await open
    .database('uploads')
    .where({ id: upload.id })
    .update({ state, ...more });
  return (await uploads.find(upload.id)) as UploadRecord;
}

async function rowOf(id: string): Promise<Record<string, unknown>> {
  return open.database('uploads').where({ id }).first();
}
