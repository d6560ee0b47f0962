/** The finish under bad luck: it fails a few times, DELETE runs beside it, expiry runs beside it. */
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import { Upload } from 'tus-js-client';
import { afterEach, describe, expect, test } from 'vitest';
import { MIGRATIONS } from '../../migrations/index.ts';
import { createAuditTable } from '../../server/database/audit-table.ts';
import { createChatFileTable } from '../../server/database/chat-file-table.ts';
import { createCompanyDayTable } from '../../server/database/company-day-table.ts';
import { createCompanyUsageTable } from '../../server/database/company-usage-table.ts';
import { createEventLedger } from '../../server/database/event-ledger.ts';
import { migrate } from '../../server/database/migrate.ts';
import { openSqlite } from '../../server/database/open-sqlite.ts';
import { createPeopleTable } from '../../server/database/people-table.ts';
import { createPreviewJobTable } from '../../server/database/preview-job-table.ts';
import { createRemovedObjectTable } from '../../server/database/removed-object-table.ts';
import { runnerOf } from '../../server/database/run-statements.ts';
import { createUploadPartTable } from '../../server/database/upload-part-table.ts';
import { createUploadTable } from '../../server/database/upload-table.ts';
import { Failure } from '../../server/rules/failure.ts';
import { newStorageKey, newUploadId } from '../../server/rules/upload-id.ts';
import { UNWATCHED } from '../../server/rules/watch.ts';
import { createAbortUpload } from '../../server/sharing/abort-upload.ts';
import { createDeleteRemovedBytes } from '../../server/sharing/delete-removed-bytes.ts';
import { createFinishUpload } from '../../server/sharing/finish-upload.ts';
import { createJoinParts } from '../../server/sharing/join-parts.ts';
import { createRecordFile } from '../../server/sharing/record-file.ts';
import { createRejectUpload } from '../../server/sharing/reject-upload.ts';
import { createReserveBytes } from '../../server/sharing/reserve-bytes.ts';
import { createStripMetadata } from '../../server/sharing/strip-metadata.ts';
import { createLocalStorage } from '../../server/storage/local-storage.ts';
import { variantEntry } from '../services/built-server.ts';
import { codeOf, listFiles, listUploads, storedFiles } from '../services/chat-api.ts';
import { newChatRoom } from '../services/chat-room.ts';
import { type Chatdrop, startChatdrop } from '../services/chatdrop-process.ts';
import { chatdropForSuite } from '../services/chatdrop-suite.ts';
import { eventually } from '../services/eventually.ts';
import { mp4File, pngFile } from '../services/fixtures.ts';
import { recordSocket } from '../services/socket-recorder.ts';
import { testPolicy } from '../services/test-policy.ts';
import { create, fileIdOf, head, offsetOf, patch, terminate } from '../services/tus-wire.ts';

const FAILING = variantEntry('failing-server');

describe('a finish that fails a few times', () => {
  let server: Chatdrop | undefined;
  afterEach(async () => {
    await server?.stop();
  });

  test.each([0, 1, 3])('%i times: tus-js-client ends with the one file', async (times) => {
    server = await startChatdrop({ entry: FAILING, env: { FAIL_FINISH: String(times) } });
    const room = newChatRoom();
    const agent = recordSocket({ baseUrl: server.baseUrl, auth: { token: room.agent, session_id: room.session } });
    await agent.waitForEvent('connection_established');
    const fileId = await uploadWithTusJs(server.baseUrl, room.visitor, mp4File(300_000));
    const { payload } = await agent.waitForEvent('file_shared');
    expect(payload.id).toBe(fileId);
    const { files } = await listFiles(server.baseUrl, room);
    expect(files.map(({ id }) => id)).toEqual([fileId]);
    expect(agent.payloads('file_shared')).toHaveLength(1);
    agent.close();
  });

  test('one that nobody asks for again is shared by itself, also when the whole file came with its creation', async () => {
    server = await startChatdrop({ entry: FAILING, env: { FAIL_FINISH: '1' } });
    const room = newChatRoom();
    const agent = recordSocket({ baseUrl: server.baseUrl, auth: { token: room.agent, session_id: room.session } });
    await agent.waitForEvent('connection_established');
    const body = mp4File(300_000);
    const created = await create({ baseUrl: server.baseUrl, token: room.visitor, body });
    expect([created.status, created.headers['upload-offset']]).toEqual([201, String(body.length)]);
    expect(fileIdOf(created)).toBeNaN();
    await agent.waitForEvent('file_shared');
    expect((await listFiles(server.baseUrl, room)).count).toBe(1);
    agent.close();
  });

  test('a small one is owed by nobody: nothing is left of it, and it is shared when it is sent again', async () => {
    server = await startChatdrop({ entry: FAILING, env: { FAIL_FINISH: '2' } });
    const { baseUrl, dataDir } = server;
    const room = newChatRoom();
    const body = pngFile({ bytes: 5000 });
    const failed = await create({ baseUrl, token: room.visitor, body });
    expect([failed.status, codeOf(failed), failed.url]).toEqual([503, 'storage-unavailable', '']);
    expect(Number(failed.headers['retry-after'])).toBeGreaterThan(0);
    expect([await listUploads(baseUrl, room), await storedFiles(dataDir)]).toEqual([[], []]);

    // One that was there before stays, and is where it was.
    const { url } = await create({ baseUrl, token: room.visitor, length: body.length });
    const refused = await patch({ url, token: room.visitor, offset: 0, body });
    expect([refused.status, codeOf(refused)]).toEqual([503, 'storage-unavailable']);
    expect(offsetOf(await head(url, room.visitor))).toBe(0);
    expect([(await listFiles(baseUrl, room)).count, await storedFiles(dataDir)]).toEqual([0, []]);
    const written = await patch({ url, token: room.visitor, offset: 0, body });
    const { files } = await listFiles(baseUrl, room);
    expect([written.status, files.map(({ id }) => id)]).toEqual([204, [fileIdOf(written)]]);
    expect(await storedFiles(dataDir)).toHaveLength(1);
  });
});

describe('DELETE beside the finish', () => {
  const server = chatdropForSuite();

  test('the file is shared and stays, or nothing of it is left', async () => {
    for (let round = 0; round < 30; round += 1) {
      const room = newChatRoom();
      const before = await storedFiles(server().dataDir);
      const body = pngFile({ bytes: 6000, seed: round + 1 });
      const created = await create({ baseUrl: server().baseUrl, token: room.visitor, length: body.length });
      const [written, ended] = await Promise.all([
        patch({ url: created.url, token: room.visitor, offset: 0, body }),
        pause(round % 6).then(() => terminate(created.url, room.visitor)),
      ]);
      expect(ended.status).toBe(204);
      expect((await head(created.url, room.visitor)).status).toBe(410);
      const { count } = await listFiles(server().baseUrl, room);
      // Who lost may still be deleting what it wrote.
      await eventually(`the files of round ${round} are those that are shared`, async () => {
        return (await storedFiles(server().dataDir)).length - before.length === count;
      });
      if (written.status === 204) expect(count).toBe(1);
    }
  });
});

describe('expiry beside the finish', () => {
  test('one of the two wins, completely', async () => {
    const folder = await mkdtemp(join(tmpdir(), 'chatdrop-race-'));
    const parts = await openParts(folder);
    for (let round = 0; round < 40; round += 1) {
      const upload = await parts.completeUpload();
      // A finish takes some milliseconds; the expiry comes before it, in it, or after it.
      const [shared, gone] = await Promise.all([
        parts.finishUpload(upload.id).then(
          () => true,
          () => false,
        ),
        (round % 4 === 0 ? Promise.resolve() : pause(round % 4)).then(() => parts.abortUpload(upload, 'expired')),
      ]);
      expect(shared).toBe(!gone);
      expect((await parts.uploads.find(upload.id))?.state).toBe(shared ? 'finished' : 'expired');
      expect(await parts.files.count('c', upload.session, {})).toBe(shared ? 1 : 0);
    }
    expect(await parts.ledger.lastSeq('c')).toBe((await storedFiles(folder)).length);
    await parts.close();
    await rm(folder, { recursive: true });
  });
});

describe('a finish that is given up', () => {
  test('what the store does later, of what it was asked before, is deleted too; a refused file is over at once', async () => {
    const folder = await mkdtemp(join(tmpdir(), 'chatdrop-late-'));
    const parts = await openParts(folder);
    const deleteBytes = (inMs: number) => createDeleteRemovedBytes({ ...parts, now: () => Date.now() + inMs })();
    const giveUp = async (reason: Failure) => {
      const { id } = await parts.completeUpload();
      const key = newStorageKey('c', 's', '.png');
      await parts.uploads.reservePlace(id, key);
      const upload = await parts.uploads.find(id);
      if (upload !== null) await parts.rejectUpload(upload, reason);
      return key;
    };
    const late = await giveUp(new Failure('storage-unavailable'));
    expect(await storedFiles(folder)).toEqual([]);
    // A node that looks now, while the store has not come to it yet.
    expect(await deleteBytes(0)).toBe(0);
    const body = pngFile();
    await parts.storage.putWhole(late, [body], body.length);
    expect(await deleteBytes(0)).toBe(0);
    expect(await deleteBytes(11 * 60 * 1000)).toBe(1);
    expect(await storedFiles(folder)).toEqual([]);

    await giveUp(new Failure('executable'));
    expect([await storedFiles(folder), await deleteBytes(11 * 60 * 1000)]).toEqual([[], 0]);
    await parts.close();
    await rm(folder, { recursive: true });
  });
});

function uploadWithTusJs(baseUrl: string, token: string, body: Buffer): Promise<number> {
  return new Promise((resolve, reject) => {
    const upload = new Upload(body, {
      endpoint: `${baseUrl}/api/chat/tus/`,
      headers: { authorization: `Bearer ${token}` },
      metadata: { filename: 'film.mp4' },
      chunkSize: 100_000,
      retryDelays: [0, 50, 50, 100, 100],
      onError: reject,
      onSuccess: ({ lastResponse }) => resolve(Number(lastResponse.getHeader('Chat-File-Id'))),
    });
    upload.start();
  });
}

async function openParts(folder: string) {
  const database = openSqlite(join(folder, 'chatdrop.sqlite'));
  await migrate(database, MIGRATIONS);
  const uploads = createUploadTable(database);
  const files = createChatFileTable(database);
  const ledger = createEventLedger(database);
  const audit = createAuditTable(database);
  const storage = await createLocalStorage(join(folder, 'media'));
  const now = Date.now;
  const report = () => {};
  const parts = createUploadPartTable(database);
  const runner = runnerOf(database);
  const needs = { watch: UNWATCHED, database, runner, uploads, parts, storage, report, holder: 'test', now };
  const removedObjects = createRemovedObjectTable(database);
  const rejectUpload = createRejectUpload({ ...needs, removedObjects });
  const recordFile = createRecordFile({
    ...{ ...needs, files, people: createPeopleTable(), ledger, audit },
    previewJobs: createPreviewJobTable(database),
    wantsPreview: () => false,
  });
  const draining = new AbortController().signal;
  const policyOf = async () => testPolicy({ allowedTypes: { user: ['*'], agent: ['*'] } });
  const usage = createCompanyUsageTable(database);
  const reserveBytes = createReserveBytes({ ...needs, files, policyOf, usage, days: createCompanyDayTable(database) });
  const joinParts = createJoinParts({ ...needs, policyOf, reserveBytes, draining });
  const finishUpload = createFinishUpload({
    ...needs,
    policyOf,
    joinParts,
    scanUpload: async () => null,
    stripMetadata: createStripMetadata({
      ...{ ...needs, policyOf },
      makeSmaller: () => {
        throw new Error('no company here wants that');
      },
    }),
    recordFile,
    rejectUpload,
    wake: () => {},
    draining,
  });
  let made = 0;
  return {
    uploads,
    files,
    ledger,
    storage,
    removedObjects,
    rejectUpload,
    finishUpload,
    abortUpload: createAbortUpload(needs),
    async completeUpload() {
      made += 1;
      const body = pngFile();
      const fresh = {
        id: newUploadId(),
        company: 'c',
        session: `s${made}`,
        uploader: 'user' as const,
        subject: null,
        name: 'a.png',
      };
      const facts = {
        declaredType: null,
        sizeBytes: body.length,
        reservedBytes: body.length,
        metadata: null,
        fileKey: null,
        sha256: null,
        concat: null,
        oneRequest: false,
        holder: null,
      };
      await uploads.insert(database, { ...fresh, ...facts, createdAt: now(), expiresAt: now() - 1 });
      await storage.create(fresh.id);
      const options = { maxBytes: body.length, idleTimeoutMs: 1000, signal: new AbortController().signal };
      await storage.append(fresh.id, 0, Readable.from([body]), options);
      const upload = await uploads.find(fresh.id);
      if (upload === null) throw new Error('the upload is not there');
      return upload;
    },
    close: () => database.destroy(),
  };
}

function pause(ms: number): Promise<void> {
  return new Promise((resolve) => {
    setTimeout(resolve, ms);
  });
}
