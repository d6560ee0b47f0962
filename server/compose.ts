/** Builds the whole server from one Config: every arrow of the house is an argument here. */
import { randomUUID } from 'node:crypto';
import { existsSync } from 'node:fs';
import path from 'node:path';
import type { Logger } from 'pino';
import { MIGRATIONS } from '../migrations/index.ts';
import packageJson from '../package.json' with { type: 'json' };
import type { Assets } from './assets.ts';
import { createAuthenticateToken } from './auth/authenticate-token.ts';
import { developmentSecret } from './auth/development-secret.ts';
import { createFetchJwks } from './auth/fetch-jwks.ts';
import { createJwks } from './auth/jwks.ts';
import { createOrigins } from './auth/origins.ts';
import { signToken, type TokenClaims } from './auth/sign-token.ts';
import type { Config } from './config.ts';
import type { ChatConfig } from './contract/chat-file.ts';
import { type ChatFileTable, createChatFileTable } from './database/chat-file-table.ts';
import { createChoreTable } from './database/chore-table.ts';
import { type CompanyUsage, createCompanyUsageTable } from './database/company-usage-table.ts';
import { createEventLedger } from './database/event-ledger.ts';
import { isInstanceRunning, takeInstanceLock } from './database/instance-lock.ts';
import { createJobList } from './database/job-list.ts';
import { type Database, migrate, migrationState, openDatabase, rollback } from './database/open-database.ts';
import { createPeopleTable } from './database/people-table.ts';
import { createRemovedObjectTable } from './database/removed-object-table.ts';
import { sharedSecret } from './database/server-value-table.ts';
import { createSessionListTable } from './database/session-list-table.ts';
import { createUploadPartTable } from './database/upload-part-table.ts';
import { createUploadTable } from './database/upload-table.ts';
import { createChatSessionRoutes } from './http/chat-session-routes.ts';
import { createClientAddress } from './http/client-address.ts';
import { createFileRoutes } from './http/file-routes.ts';
import { createHealthRoutes } from './http/health-routes.ts';
import { createHttpApp, TUS_PATH } from './http/http-app.ts';
import { addressOf, createHttpServer, listen, trackConnections } from './http/http-server.ts';
import { createMediaRoute } from './http/media-routes.ts';
import { createOpenApiDocument } from './http/openapi-document.ts';
import { createOpenApiRoute } from './http/openapi-route.ts';
import { createPageRoutes } from './http/page-routes.ts';
import { createCreationLimits } from './http/rate-limit.ts';
import { createSendObject } from './http/send-object.ts';
import { createSessionRoutes } from './http/session-routes.ts';
import { createSocketPort, hostAt } from './http/socket-port.ts';
import { createUploadRoutes } from './http/upload-routes.ts';
import { createCheckUsage } from './jobs/check-usage.ts';
import { createChores } from './jobs/chores.ts';
import { createCleanUp } from './jobs/clean-up.ts';
import { createOwedFinishes } from './jobs/owed-finishes.ts';
import { type Periodic, startPeriodic } from './jobs/periodic.ts';
import { createReportChores } from './jobs/report-chores.ts';
import { sweepOnce } from './jobs/sweep-once.ts';
import { createPlainWebSocket } from './realtime/plain-websocket.ts';
import { createSessionFeed, type SessionFeed } from './realtime/session-feed.ts';
import { createSocketServer, type SocketServer } from './realtime/socket-server.ts';
import { createAbortUpload } from './sharing/abort-upload.ts';
import { createAcceptFinal } from './sharing/accept-final.ts';
import { createAcceptPartial } from './sharing/accept-partial.ts';
import { createAcceptUpload } from './sharing/accept-upload.ts';
import { createCheckFirstBytes } from './sharing/check-first-bytes.ts';
import { createDeleteRemovedBytes } from './sharing/delete-removed-bytes.ts';
import { createDiscardBytes } from './sharing/discard-bytes.ts';
import type { Exclusively } from './sharing/exclusively.ts';
import { createFinishPartial } from './sharing/finish-partial.ts';
import { createFinishUpload } from './sharing/finish-upload.ts';
import { createJoinParts } from './sharing/join-parts.ts';
import { createListFiles } from './sharing/list-files.ts';
import { createListSessions } from './sharing/list-sessions.ts';
import { createPresentFile } from './sharing/present-file.ts';
import { createRecordFile } from './sharing/record-file.ts';
import { createRejectUpload } from './sharing/reject-upload.ts';
import { createRemoveFile } from './sharing/remove-file.ts';
import { createRemoveSession } from './sharing/remove-session.ts';
import { createRepairFiles } from './sharing/repair-files.ts';
import { createReserveBytes } from './sharing/reserve-bytes.ts';
import { createSettleUpload } from './sharing/settle-upload.ts';
import { createReportProgress } from './sharing/upload-progress.ts';
import { createVerifyFiles } from './sharing/verify-files.ts';
import type { FileStorage } from './storage/file-storage.ts';
import { createLocalStorage } from './storage/local-storage.ts';
import { createLocker, withLock } from './upload/locker.ts';
import { createMultipartUpload } from './upload/multipart-upload.ts';
import { createTusEndpoint } from './upload/tus-endpoint.ts';
import { createTusLibrary } from './upload/tus-library.ts';
import { createWriteBody } from './upload/write-body.ts';

/** What tests put in the place of a part; each gets the real one to wrap. */
export type Overrides = {
  storage?: (real: FileStorage) => FileStorage;
  files?: (real: ChatFileTable) => ChatFileTable;
  feed?: (real: SessionFeed) => SessionFeed;
};

export type ChatdropServer = {
  /** Finishes what an earlier process owed, then listens. @returns the address of the server */
  start(): Promise<string>;
  /** Drains: bodies end with their bytes kept, finishes complete, sockets close. Takes `DRAIN_MS` at most and a little. */
  stop(): Promise<void>;
};

/** Milliseconds that requests under way get at a shutdown. */
const DRAIN_MS = 8_000;
/** And that sockets get to say goodbye. */
const SOCKETS_DRAIN_MS = 1_000;
/** Names this process in the leases of its finishes. */
const HOLDER = randomUUID();

const now = Date.now;
const same = <T>(part: T): T => part;

/** @throws when the data folder is in use, or the database or the storage cannot be opened */
export async function compose(
  config: Config,
  log: Logger,
  assets: Assets,
  overrides: Overrides = {},
): Promise<ChatdropServer> {
  const lock = takeInstanceLock(...ownedFolders(config));
  const database = openDatabase(config.databaseFile);
  const release = async () => {
    await database.destroy();
    lock.release();
  };
  try {
    await migrateFirst(config, database);
    const parts = await composeParts(config, log, database, overrides);
    const sharing = composeSharing(parts);
    const upload = composeUpload(parts, sharing);
    const sockets = composeEdges(parts, sharing, upload, assets);
    return createLifecycle(parts, sharing, sockets, release);
  } catch (error) {
    // A process that cannot serve must end: with the lock held it would keep the next one from starting.
    await release();
    throw error;
  }
}

function createLifecycle(
  parts: Parts,
  sharing: Sharing,
  sockets: SocketServer,
  release: () => Promise<void>,
): ChatdropServer {
  const { config, log, http, socketPort, draining } = parts;
  const connections = trackConnections(http, ...(socketPort === null ? [] : [socketPort]));
  const checkUsage = composeCheckUsage(parts);
  const chores = createChores({ ...composeCleaning(parts, sharing), checkUsage, pollFeed: () => parts.feed.poll() });
  let periodic: Periodic | undefined;
  const stop = async () => {
    draining.abort();
    const timers = [setTimeout(connections.endSockets, SOCKETS_DRAIN_MS), setTimeout(connections.endAll, DRAIN_MS)];
    await sockets.close();
    for (const timer of timers) clearTimeout(timer);
    await periodic?.stop();
    await sharing.finishUpload.settled();
    await release();
  };
  const start = async () => {
    await chores.atStart();
    // Not waited for: the server starts when the issuer is away, and the first request would ask anyway.
    void parts.auth.jwks?.keys();
    await listen(http, config.host, config.port);
    if (socketPort !== null) await listen(socketPort, config.host, config.wsPort ?? 0, 'WS_PORT');
    periodic = startPeriodic(chores.periodic, createReportChores({ chores: parts.choreTable, log, now }));
    return parts.publicUrl();
  };
  return {
    stop,
    start: () =>
      start().catch(async (error: unknown) => {
        await stop();
        throw error;
      }),
  };
}

/** `chatdrop migrate`. @returns the names that were run, under the instance lock */
export async function migrateDatabase(config: Config, direction: 'up' | 'down'): Promise<string[]> {
  const lock = takeInstanceLock(...ownedFolders(config));
  const database = openDatabase(config.databaseFile);
  try {
    return await (direction === 'down' ? rollback : migrate)(database, MIGRATIONS);
  } finally {
    await database.destroy();
    lock.release();
  }
}

/** Folders that no other server may use meanwhile. What lies in the data folder is guarded by that one's lock. */
function ownedFolders({ dataDir, databaseFile, mediaRoot }: Config): string[] {
  const outside = [path.dirname(databaseFile), mediaRoot].filter((folder) =>
    path.relative(dataDir, folder).startsWith('..'),
  );
  return [dataDir, ...outside];
}

async function migrateFirst(config: Config, database: Database): Promise<void> {
  await migrate(database, MIGRATIONS).catch((cause: Error) => {
    const remedy = 'Restore it from a backup, or move it away to start with an empty one.';
    throw new Error(`The database ${config.databaseFile} cannot be used: ${cause.message}. ${remedy}`, { cause });
  });
}

export type Tools = Awaited<ReturnType<typeof composeTools>>;

/**
 * What the commands work with: the same parts and use cases, without HTTP, sockets and chores. SQLite lets two processes
 * write (one waits for the other), and the feed of a running server looks for entries that it did not write.
 * @param alone with the instance lock, as the server takes it; without, beside a running server or not
 * @throws when there is no database, it is not up to date, or `alone` is not possible
 */
export async function composeTools(config: Config, log: Logger, { alone }: { alone: boolean }) {
  const lock = alone ? takeInstanceLock(...ownedFolders(config)) : null;
  const database = openExisting(config);
  const close = async () => {
    await database?.destroy();
    lock?.release();
  };
  try {
    if (database === null) throw new Error(`There is no database at ${config.databaseFile} yet. ${START_FIRST}`);
    const { pending, unknown } = await migrationState(database, MIGRATIONS);
    if (pending.length > 0) throw new Error(`The database lacks ${pending.join(', ')}. Run: chatdrop migrate`);
    if (unknown.length > 0) throw new Error(`The database was written by a newer Chatdrop (${unknown.join(', ')}).`);
    const parts = await composeParts(config, log, database, {});
    const sharing = composeSharing(parts);
    const { files, storage, removedObjects, choreTable } = parts;
    const { removeFile, deleteRemovedBytes } = sharing;
    return {
      files,
      removeFile,
      jobs: createJobList(database),
      faults: choreTable,
      verifyFiles: createVerifyFiles({ files, storage }),
      repairFiles: createRepairFiles({ database, removedObjects, removeFile, deleteRemovedBytes }),
      sweepOnce: () => sweepOnce(composeCleaning(parts, sharing)),
      isServerRunning: () => isServerRunning(config),
      now,
      close,
    };
  } catch (error) {
    await close();
    throw error;
  }
}

const START_FIRST = 'The first start of the server makes it. Is DATA_DIR the one that the server has?';

/** What `doctor` looks at, each opened only when it is its turn. Nothing is made that is not there. */
export function composeInspection(config: Config) {
  return {
    folders: ownedFolders(config),
    isServerRunning: () => isServerRunning(config),
    openDatabase: () => openExisting(config),
    migrationState: (database: Database) => migrationState(database, MIGRATIONS),
    newestEntryAt: (database: Database) => createEventLedger(database).newestEntryAt(),
    // A folder that is missing must not come to belong to the user of the command line.
    openStorage: async () =>
      existsSync(path.join(config.mediaRoot, '.incoming')) ? createLocalStorage(config.mediaRoot) : null,
  };
}

/** Whether a server holds the data folder; false too where there is none yet. */
export function isServerRunning(config: Config): boolean {
  return isInstanceRunning(...ownedFolders(config));
}

/** Null where the file is not there: opening would make it. */
function openExisting({ databaseFile }: Config): Database | null {
  return existsSync(databaseFile) ? openDatabase(databaseFile) : null;
}

type Parts = Awaited<ReturnType<typeof composeParts>>;
type Sharing = ReturnType<typeof composeSharing>;
type UploadEdge = ReturnType<typeof composeUpload>;

/** What everything stands on: database, storage, keys, feed. */
async function composeParts(config: Config, log: Logger, database: Database, overrides: Overrides) {
  const http = createHttpServer();
  const socketPort = config.wsPort === undefined ? null : createSocketPort();
  const publicUrl = () => config.publicUrl ?? addressOf(http, config.host);

  const files = (overrides.files ?? same)(createChatFileTable(database));
  const ledger = createEventLedger(database);
  const uploads = createUploadTable(database);
  const parts = createUploadPartTable(database);
  const usage = createCompanyUsageTable(database);
  const people = createPeopleTable();
  const removedObjects = createRemovedObjectTable(database);
  const choreTable = createChoreTable(database);
  const storage = (overrides.storage ?? same)(await createLocalStorage(config.mediaRoot));

  const linkSecret = config.urlSigningSecret ?? (await sharedSecret(database, 'url_signing_secret'));
  const mediaUrl = () => publicUrl() + config.mediaPath;
  const presentFile = createPresentFile({ mediaUrl, secret: linkSecret, expirySeconds: config.signedUrlSeconds, now });
  const onFault = (err: unknown) => log.error({ err }, 'the feed could not read the ledger; it tries again');
  const feed = (overrides.feed ?? same)(createSessionFeed({ ledger, files, presentFile, onFault }));
  const policy = { maxFileSizeBytes: config.maxFileSizeBytes, allowedTypes: config.allowedTypes };
  const draining = new AbortController();
  const auth = composeAuth(config, log, draining.signal);
  return {
    config,
    log,
    database,
    http,
    socketPort,
    publicUrl,
    files,
    ledger,
    uploads,
    parts,
    usage,
    people,
    removedObjects,
    choreTable,
    storage,
    linkSecret,
    auth,
    presentFile,
    feed,
    policy,
    draining,
  };
}

/** Who is calling: the keys, and what is checked with them. */
function composeAuth(config: Config, log: Logger, stopping: AbortSignal) {
  const { jwksUrl, jwtPublicKeys: publicKeys } = config;
  const claimRules = { issuer: config.jwtIssuer, audience: config.jwtAudience };
  const secret = config.development ? developmentSecret(config.dataDir) : config.jwtSecret;
  const onFault = (err: unknown) => log.warn({ err }, 'the keys of JWT_JWKS_URL could not be fetched');
  const jwks =
    jwksUrl === undefined
      ? undefined
      : createJwks({
          fetchJwks: createFetchJwks(jwksUrl, stopping),
          monotonicMs: () => performance.now(),
          onFault,
        });
  return {
    jwks,
    authenticateToken: createAuthenticateToken({ ...claimRules, secret, publicKeys, jwks }),
    async signDemoToken(claims: TokenClaims, lifetimeSeconds: number) {
      if (secret === undefined) throw new Error('There is no secret to sign with.');
      return signToken({ ...claimRules, secret }, claims, lifetimeSeconds);
    },
  };
}

/** The use cases. */
function composeSharing({
  config,
  database,
  uploads,
  parts,
  usage,
  files,
  people,
  ledger,
  removedObjects,
  storage: store,
  feed,
  policy,
  presentFile,
  draining,
}: Parts) {
  const wake = (company: string) => feed.wake(company);
  const discardBytes = createDiscardBytes({ uploads, storage: store, now });
  // The use cases end an upload first and then delete its bytes: a fault of the second is a job, not theirs.
  const storage: FileStorage = { ...store, discard: discardBytes.discard };
  const report = createReportProgress({ publish: (event, except) => feed.publish(event, except), now });
  const rejectUpload = createRejectUpload({ database, uploads, parts, removedObjects, storage, report });
  const recordFile = createRecordFile({ database, uploads, parts, files, people, ledger, now });
  const reserveBytes = createReserveBytes({
    database,
    uploads,
    parts,
    usage,
    allowance: config,
    maxFileSizeBytes: config.maxFileSizeBytes,
  });
  const creationLimits = createCreationLimits(config.uploadsPerMinute);
  const locker = createLocker();
  const exclusively: Exclusively = (uploadId, work) => withLock(locker, uploadId, work);
  const deleteRemovedBytes = createDeleteRemovedBytes({ removedObjects, storage, now });
  const { uploadExpirySeconds: expirySeconds } = config;
  const { countCreation, countPartial } = creationLimits;
  const accepting = {
    database,
    uploads,
    parts,
    storage,
    policy,
    reserveBytes,
    expirySeconds,
    countCreation,
    countPartial,
    now,
  };
  const { maxFileSizeBytes } = policy;
  const joinParts = createJoinParts({ uploads, parts, storage, maxFileSizeBytes, draining: draining.signal });
  const finishUpload = createFinishUpload({
    uploads,
    storage,
    policy,
    joinParts,
    recordFile,
    rejectUpload,
    report,
    wake,
    holder: HOLDER,
    now,
  });
  return {
    locker,
    exclusively,
    report,
    rejectUpload,
    reserveBytes,
    creationLimits,
    deleteRemovedBytes,
    discardBytes,
    acceptUpload: createAcceptUpload(accepting),
    acceptPartial: createAcceptPartial(accepting),
    acceptFinal: createAcceptFinal({ ...accepting, rejectUpload }),
    settleUpload: createSettleUpload({ uploads, policy }),
    checkFirstBytes: createCheckFirstBytes({ uploads, storage, policy }),
    finishUpload,
    finishPartial: createFinishPartial({ parts, finishUpload }),
    abortUpload: createAbortUpload({ uploads, storage, report, now }),
    removeFile: createRemoveFile({ database, files, ledger, deleteRemovedBytes, wake, now }),
    removeSession: createRemoveSession({
      database,
      people,
      files,
      uploads,
      removedObjects,
      ledger,
      storage,
      deleteRemovedBytes,
      exclusively,
      wake,
      now,
    }),
    listFiles: createListFiles({ files, ledger, presentFile }),
  };
}

/** The two ways in: tus, and the original API's one request. */
function composeUpload({ config, uploads, files, parts, storage, presentFile, draining }: Parts, sharing: Sharing) {
  const { maxFileSizeBytes, uploadExpirySeconds: expirySeconds } = config;
  const shared = { ...sharing, path: TUS_PATH, maxFileSizeBytes, expirySeconds, uploads, parts, storage, now };
  const writeBody = createWriteBody({ ...shared, draining: draining.signal });
  const library = createTusLibrary({ ...shared, writeBody });
  const multipart = createMultipartUpload({ ...shared, files, writeBody, presentFile, draining: draining.signal });
  return { tus: createTusEndpoint({ ...shared, library }), multipart };
}

/** HTTP and both kinds of sockets, on one port; the plain one, if wanted, on a second. */
function composeEdges(parts: Parts, sharing: Sharing, upload: UploadEdge, assets: Assets) {
  const {
    config,
    log,
    http,
    socketPort,
    database,
    storage,
    files,
    uploads,
    ledger,
    feed,
    presentFile,
    linkSecret,
    auth,
    draining,
  } = parts;
  const { listFiles, removeFile, removeSession, creationLimits } = sharing;
  const origins = createOrigins(config);
  const { authenticateToken } = auth;
  const secure = config.publicUrl?.startsWith('https:') ?? false;
  const sendObject = createSendObject({ storage });
  const onIgnored = () =>
    log.warn(
      'Requests carry X-Forwarded-For, and TRUST_PROXY is not set: all visitors behind that proxy count as one.',
    );
  const app = createHttpApp({
    log,
    origins,
    authenticateToken,
    clientAddress: createClientAddress({ trustProxy: config.trustProxy, onIgnored }),
    creationLimits,
    mediaPath: config.mediaPath,
    session: createSessionRoutes({ authenticateToken, origins, secure, now }),
    tus: upload.tus,
    files: createFileRoutes({ files, listFiles, presentFile, removeFile, removeSession, sendObject }),
    chats: createChatSessionRoutes({
      listSessions: createListSessions({ sessions: createSessionListTable(database), files, presentFile }),
    }),
    uploads: createUploadRoutes({
      uploads,
      storage,
      tusPath: TUS_PATH,
      limits: limitsOf(config),
      uploadWhole: upload.multipart,
    }),
    media: createMediaRoute({ files, sendObject, secret: linkSecret, now }),
    health: createHealthRoutes({ database, storage, draining: draining.signal }),
    openApi: createOpenApiRoute(createOpenApiDocument({ version: packageJson.version, mediaPath: config.mediaPath })),
    pages: createPageRoutes({
      assets,
      development: config.development,
      publicUrl: parts.publicUrl,
      isAllowedOrigin: origins.isAllowedOrigin,
      signToken: auth.signDemoToken,
      now,
    }),
  });
  http.on('request', app.callback());
  const onFault = (err: unknown) => log.error({ err }, 'a socket message failed');
  const socketNeeds = { authenticateToken, feed, ledger, listFiles, origins, onFault, now };
  const socketIo = createSocketServer(http, socketNeeds);
  const plain = createPlainWebSocket({ ...socketNeeds, draining: draining.signal });
  plain.attach(http);
  if (socketPort !== null) plain.attach(socketPort, (host) => hostAt(http, host));
  const closePort = () => new Promise<void>((done) => (socketPort === null ? done() : socketPort.close(() => done())));
  return { close: async () => void (await Promise.all([socketIo.close(), plain.close(), closePort()])) };
}

function composeCleaning(
  { log, uploads, storage, ledger }: Parts,
  { finishUpload, abortUpload, deleteRemovedBytes, discardBytes, exclusively }: Sharing,
) {
  const onFault = (upload: string, err: unknown) => log.warn({ upload, err }, 'an upload could not be finished yet');
  const owed = createOwedFinishes({ uploads, storage, finishUpload, onFault, holder: HOLDER, now });
  const cleanUp = createCleanUp({
    uploads,
    storage,
    ledger,
    finishUpload,
    abortUpload,
    exclusively,
    deleteRemovedBytes,
    discardBytes,
    now,
  });
  return { owed, cleanUp };
}

function composeCheckUsage({ log, usage }: Parts) {
  const onMended = (mended: CompanyUsage) =>
    log.warn(mended, 'the bytes of a company were counted wrong, and are right now');
  return createCheckUsage({ usage, onMended });
}

function limitsOf(config: Config): ChatConfig {
  return {
    max_file_size: config.maxFileSizeBytes,
    allowed_types: [...config.allowedTypes],
    uploads_per_minute: config.uploadsPerMinute,
    upload_expiry: config.uploadExpirySeconds,
    tus_endpoint: `${TUS_PATH}/`,
  };
}
