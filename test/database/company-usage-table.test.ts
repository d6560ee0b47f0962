/** `company_usage`: after any history it is the sum of the rows, and a counter that is wrong is found and mended. */
import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { createChatFileTable } from '../../server/database/chat-file-table.ts';
import { createCompanyUsageTable } from '../../server/database/company-usage-table.ts';
import { createPeopleTable } from '../../server/database/people-table.ts';
import { runWithin } from '../../server/database/statement.ts';
import { createUploadDeletionTable } from '../../server/database/upload-deletion-table.ts';
import { createUploadTable } from '../../server/database/upload-table.ts';
import { insertFile, openTestDatabase, type TestDatabase } from '../services/test-database.ts';

const NOW = 1_000_000;
/** Some thousand transactions. */
const LONG_TEST_MS = 120_000;
const LEASE = { token: 'process.try', untilMs: NOW };
const COMPANIES = ['red', 'blue'];

let open: TestDatabase;
let made = 0;
beforeAll(async () => {
  open = await openTestDatabase();
});
afterAll(() => open.remove());

/** What may happen to a company's bytes; `pick` chooses among the uploads so far, `bytes` is the size where there is one. */
type Happening = { what: keyof typeof HAPPENINGS; pick: number; bytes: number; rolledBack: boolean };

const HAPPENINGS = {
  create: async (at) => void (await at.create(at.bytes)),
  createDeferred: async (at) => void (await at.create(null)),
  grow: async (at) => void (await at.uploads.reserveMore(at.transaction, at.id, at.bytes * 2)),
  declareLength: async (at) => void (await at.uploads.declareLength(at.transaction, at.id, at.bytes)),
  reject: async (at) => void (await at.uploads.reject(at.transaction, at.id, { code: 'executable', detail: '' })),
  startFinish: (at) => at.set({ state: 'finishing', lease_token: LEASE.token }),
  finish: async (at) => {
    const { size, company_id: company, session_id: session, state } = (await at.row()) ?? {};
    if (state !== 'finishing' || size === null) return;
    const fileId = await at.addFile({ uploadId: at.id, company, session, sizeBytes: size });
    await runWithin(at.transaction, at.uploads.steps.finish(at.id, LEASE, fileId));
  },
  abort: (at) => at.set({ state: 'aborted' }, 'open'),
  expire: (at) => at.set({ state: 'expired' }, 'open'),
  deleteSession: async (at) => {
    const scope = { company: at.company, session: at.session, uploader: null };
    await at.endedUploads.endPage(at.transaction, scope, { id: 1, requestedAt: Number.MAX_SAFE_INTEGER }, 100);
  },
  removeSession: (at) =>
    at.transaction('chat_sessions').where({ company_id: at.company, session_id: at.session }).delete(),
  removeFile: async (at) => {
    const file = await at.transaction('chat_files').where({ upload_id: at.id }).first('id');
    if (file !== undefined) await at.files.take(at.transaction, [file.id]);
  },
  shrinkFile: (at) => at.transaction('chat_files').where({ upload_id: at.id }).update({ size: at.bytes }),
  deleteBySql: (at) => at.transaction('uploads').where({ id: at.id }).delete(),
} satisfies Record<string, (at: Scene) => Promise<unknown>>;

describe('after any history', () => {
  test(
    'the counter is the sum of what is shared and what is reserved',
    async () => {
      const happening = fc.record<Happening>({
        what: fc.constantFrom(...(Object.keys(HAPPENINGS) as Happening['what'][])),
        pick: fc.nat(11),
        bytes: fc.oneof(fc.nat(1000), fc.nat(2 ** 40)),
        rolledBack: fc.nat(4).map((n) => n === 0),
      });
      const history = fc.array(happening, { minLength: 20, maxLength: 60 });
      await fc.assert(
        fc.asyncProperty(history, async (happenings) => {
          for (const table of ['chat_files', 'uploads', 'chat_sessions', 'removed_objects'])
            await open.database(table).delete();
          const ids: string[] = [];
          for (const one of happenings) await happen(one, ids);
          expect(await counted()).toEqual(await summed());
          expect(await createCompanyUsageTable(open.database).repair()).toEqual([]);
          expect(await createCompanyUsageTable(open.database).repairChats()).toBe(0);
        }),
        { numRuns: 60 },
      );
    },
    LONG_TEST_MS,
  );
});

describe('the check', () => {
  test('mends what is wrong, too much, missing or without a row behind it, and says what it mended', async () => {
    const usage = createCompanyUsageTable(open.database);
    await insertFile(open.database, { company: 'too-much', sizeBytes: 5 });
    await insertFile(open.database, { company: 'missing', sizeBytes: 7 });
    await insertFile(open.database, { company: 'right', sizeBytes: 9 });
    await open.database('company_usage').where({ company_id: 'too-much' }).update({ bytes: 500 });
    await open.database('company_usage').where({ company_id: 'missing' }).delete();
    await open.database('company_usage').insert({ company_id: 'nobody', bytes: -3 });
    const mended = await usage.repair();
    expect(mended.sort((a, b) => a.company.localeCompare(b.company))).toEqual([
      { company: 'missing', bytes: 7 },
      { company: 'nobody', bytes: 0 },
      { company: 'too-much', bytes: 5 },
    ]);
    expect(await usage.repair()).toEqual([]);
  });

  test('mends how many files a chat has', async () => {
    const usage = createCompanyUsageTable(open.database);
    const chat = { company: 'miscounted', session: 'session' };
    for (let count = 0; count < 3; count += 1) await insertFile(open.database, chat);
    const filesOfChat = () => open.database('chat_sessions').where({ company_id: chat.company }).pluck('files');
    expect((await filesOfChat()).map(Number)).toEqual([3]);
    await open.database('chat_sessions').where({ company_id: chat.company }).update({ files: 1 });
    expect(await usage.repairChats()).toBe(1);
    expect((await filesOfChat()).map(Number)).toEqual([3]);
    expect(await usage.repairChats()).toBe(0);
  });
});

/** Everything a happening may touch, inside its transaction. */
type Scene = Awaited<ReturnType<typeof sceneOf>>;
type Transaction = Parameters<Parameters<TestDatabase['database']['transaction']>[0]>[0];

async function sceneOf(transaction: Transaction, { pick, bytes }: Happening, ids: string[]) {
  const database = open.database;
  const company = COMPANIES[pick % COMPANIES.length] as string;
  const session = `session-${pick % 3}`;
  const uploads = createUploadTable(database);
  const files = createChatFileTable(database);
  const people = createPeopleTable();
  const id = ids[pick % Math.max(1, ids.length)] ?? 'nobody';
  const facts = { uploader: 'user' as const, subject: null, name: 'a.png' };
  return {
    transaction,
    uploads,
    files,
    endedUploads: createUploadDeletionTable(open.database),
    company,
    session,
    bytes,
    id,
    row: () => transaction('uploads').where({ id }).first(),
    set: (change: object, from?: string) =>
      transaction('uploads')
        .where(from === undefined ? { id } : { id, state: from })
        .whereNotIn('state', ['finished'])
        .update(change),
    async create(sizeBytes: number | null) {
      made += 1;
      ids.push(`upload-${made}`);
      const said = {
        declaredType: null,
        metadata: null,
        fileKey: null,
        sha256: null,
        concat: null,
        oneRequest: false,
        holder: null,
      };
      const rest = { ...said, createdAt: NOW, expiresAt: NOW };
      const reservedBytes = sizeBytes ?? 10;
      const upload = { id: `upload-${made}`, company, session, sizeBytes, reservedBytes, ...facts, ...rest };
      await uploads.insert(transaction, upload);
    },
    async addFile(of: { uploadId: string; company: string; session: string; sizeBytes: number }): Promise<number> {
      const chatSessionId = await people.sessionId(transaction, of.company, of.session, NOW);
      const person = { company: of.company, role: facts.uploader, session: of.session, subject: null };
      const profileId = await people.profileId(transaction, person, NOW);
      const rest = { storageKey: `chat/${of.uploadId}`, mimeType: 'image/png', sha256: null, seq: 1, createdAt: NOW };
      const file = { ...of, ...facts, ...rest, scan: 'not_scanned' as const, chatSessionId, profileId };
      return files.insert(transaction, file);
    },
  };
}

async function happen(one: Happening, ids: string[]): Promise<void> {
  const before = [...ids];
  const work = open.database.transaction(async (transaction) => {
    await HAPPENINGS[one.what](await sceneOf(transaction, one, ids));
    if (one.rolledBack) throw new RolledBack();
  });
  await work.catch((error) => {
    if (!(error instanceof RolledBack)) throw error;
    ids.splice(0, ids.length, ...before);
  });
}

class RolledBack extends Error {}

async function counted(): Promise<Record<string, number>> {
  const rows = await open.database('company_usage').whereIn('company_id', COMPANIES).whereNot({ bytes: 0 });
  return Object.fromEntries(rows.map(({ company_id, bytes }) => [company_id, bytes]));
}

async function summed(): Promise<Record<string, number>> {
  const sums: Record<string, number> = {};
  const files = await open.database('chat_files').select('company_id', 'size as bytes');
  const held = await open
    .database('uploads')
    .whereIn('state', ['open', 'finishing'])
    .select('company_id', 'reserved_bytes as bytes');
  for (const { company_id, bytes } of [...files, ...held])
    if (bytes !== 0) sums[company_id] = (sums[company_id] ?? 0) + bytes;
  return sums;
}
