import type { IncomingMessage } from 'node:http';
import packageJson from '../../package.json' with { type: 'json' };
import type { Assets } from '../assets.ts';
import { createOrigins } from '../auth/origins.ts';
import type { Config } from '../config.ts';
import type { ChatConfig } from '../contract/chat-file.ts';
import type { Health } from '../contract/operator.ts';
import { createJobList } from '../database/job-list.ts';
import { createOverviewTable } from '../database/overview-table.ts';
import { createSessionListTable } from '../database/session-list-table.ts';
import { createArchiveRoutes } from '../http/archive-routes.ts';
import { createAuditAdminRoutes } from '../http/audit-admin-routes.ts';
import { authenticateAdmin } from '../http/authenticate-admin.ts';
import { createBoundedLimiter } from '../http/bounded-limiter.ts';
import { createChatSessionRoutes } from '../http/chat-session-routes.ts';
import { createClientAddress } from '../http/client-address.ts';
import { createClientOf } from '../http/client-of.ts';
import { createDeletionAdminRoutes } from '../http/deletion-admin-routes.ts';
import { createDocumentRoute } from '../http/document-route.ts';
import { createFileRoutes } from '../http/file-routes.ts';
import { createHealthRoutes } from '../http/health-routes.ts';
import { createHttpApp, TUS_PATH } from '../http/http-app.ts';
import { createHttpServer } from '../http/http-server.ts';
import { createInfectionAdminRoutes } from '../http/infection-admin-routes.ts';
import { createJobAdminRoutes } from '../http/job-admin-routes.ts';
import { createMediaRoute } from '../http/media-routes.ts';
import { createMetricsApp, createMetricsRoute } from '../http/metrics-route.ts';
import { createOpenApiDocument } from '../http/openapi-document.ts';
import { createOverviewAdminRoutes, type Inspected } from '../http/overview-admin-routes.ts';
import { createPageRoutes } from '../http/page-routes.ts';
import { createPolicyAdminRoutes } from '../http/policy-admin-routes.ts';
import { createPolicyReports } from '../http/policy-reports.ts';
import { createProblemPages } from '../http/problem-pages.ts';
import { createSecurityLog } from '../http/security-log.ts';
import { createSendArchive } from '../http/send-archive.ts';
import { createSendObject } from '../http/send-object.ts';
import { createSessionRoutes } from '../http/session-routes.ts';
import { hostAt } from '../http/socket-port.ts';
import { createStatisticsAdminRoutes } from '../http/statistics-admin-routes.ts';
import { createUploadRoutes } from '../http/upload-routes.ts';
import { createWebhookAdminRoutes } from '../http/webhook-admin-routes.ts';
import { createAsyncApiDocument } from '../realtime/asyncapi-document.ts';
import { createKeyWatch } from '../realtime/end-with-key.ts';
import { createPlainWebSocket } from '../realtime/plain-websocket.ts';
import { createSocketPlaces } from '../realtime/socket-places.ts';
import { createSocketServer } from '../realtime/socket-server.ts';
import { actorOf } from '../rules/actor.ts';
import type { CompanyPolicy } from '../rules/company-policy.ts';
import type { Participant } from '../rules/participant.ts';
import { previewTypesOf } from '../rules/preview-types.ts';
import { createListSessions } from '../sharing/list-sessions.ts';
import { diskRoom } from '../storage/disk-room.ts';
import { createAppendPatch } from '../upload/append-patch.ts';
import { createGatherBody } from '../upload/gather-body.ts';
import { createMultipartUpload } from '../upload/multipart-upload.ts';
import { createTusEndpoint } from '../upload/tus-endpoint.ts';
import type { TusLibrary } from '../upload/tus-library.ts';
import { createWriteBody } from '../upload/write-body.ts';
import { countGuesses, countPlaces } from './metrics.ts';
import { now, type Parts } from './parts.ts';
import { composeRender } from './render-metrics.ts';
import type { Sharing } from './sharing.ts';

/** Of addresses that were refused something in the last minute. */
const LOG_LINES = { windowSeconds: 60, maxKeys: 10_000 };

type UploadEdge = ReturnType<typeof composeUpload>;

/** The two ways in: tus, and the original API's one request. */
export function composeUpload(
  { config, uploads, files, parts, storage, policies, presentFile, draining }: Parts,
  sharing: Sharing,
) {
  const { uploadExpirySeconds: expirySeconds } = config;
  const { of: policyOf, largestFileBytes } = policies;
  const shared = { ...sharing, path: TUS_PATH, policyOf, expirySeconds, uploads, parts, storage, now };
  const writeBody = createWriteBody({ ...shared, draining: draining.signal });
  const appendPatch = createAppendPatch({ ...shared, writeBody });
  const gatherBody = createGatherBody({ draining: draining.signal });
  const library = whenNeeded(async () => {
    // Twenty milliseconds of a start, and nobody may ever upload: it is read with the first upload.
    const { createTusLibrary } = await import('../upload/tus-library.ts');
    return createTusLibrary({ ...shared, writeBody });
  });
  const multipart = createMultipartUpload({ ...shared, files, writeBody, presentFile, draining: draining.signal });
  return { tus: createTusEndpoint({ ...shared, library, appendPatch, gatherBody, largestFileBytes }), multipart };
}

function whenNeeded(make: () => Promise<TusLibrary>): TusLibrary {
  let made: Promise<TusLibrary> | undefined;
  return async (call) => {
    made ??= make();
    return (await made)(call);
  };
}

type Limits = Omit<ChatConfig, 'caller' | 'preview_types'>;

export type Edges = ReturnType<typeof composeEdges>;

/** HTTP and both kinds of sockets, on one port; the plain one, if wanted, on a second, and metrics on a third. */
export function composeEdges(parts: Parts, sharing: Sharing, upload: UploadEdge, assets: Assets) {
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
    policies,
    auth,
    draining,
  } = parts;
  const { listFiles, removeFile, removeSession, revokeLinks, deleteScope, creationLimits } = sharing;
  const preview_types = previewTypesOf(sharing.previewKinds);
  const origins = createOrigins(config, policies);
  const { authenticateToken } = auth;
  const secure = config.publicUrl?.startsWith('https:') ?? false;
  const sendObject = createSendObject({ storage });
  const onIgnored = () =>
    log.warn(
      'Requests carry X-Forwarded-For, and TRUST_PROXY is not set: all visitors behind that proxy count as one.',
    );
  const clientAddress = createClientAddress({ trustProxy: config.trustProxy, onIgnored });
  const clientOf = createClientOf(clientAddress);
  const { metrics, tracing, requests } = parts;
  const render = composeRender(parts);
  const written = createSecurityLog({ log, clientAddress, limiter: createBoundedLimiter(LOG_LINES) });
  const securityLog: typeof written = {
    ...written,
    refused(failure, ...whom) {
      metrics.http.problem(failure.code);
      written.refused(failure, ...whom);
    },
  };
  const { audit, auditLog } = parts;
  const answer = createHttpApp({
    log,
    onAnswered(answer) {
      metrics.http.answered(answer);
      tracing.answered(answer);
    },
    securityLog,
    origins,
    authenticateToken,
    clientAddress,
    creationLimits,
    mediaPath: config.mediaPath,
    filesOrigin: config.filesOrigin,
    draining: draining.signal,
    session: createSessionRoutes({ authenticateToken, origins, secure, auditLog, clientOf, now }),
    tus: upload.tus,
    files: createFileRoutes({
      files,
      listFiles,
      presentFile,
      removeFile,
      removeSession,
      revokeLinks,
      sendObject,
      auditLog,
      clientOf,
    }),
    chats: createChatSessionRoutes({
      auditLog,
      clientOf,
      listSessions: createListSessions({ ledger, sessions: createSessionListTable(database), files, presentFile }),
    }),
    uploads: createUploadRoutes({
      uploads,
      storage,
      tusPath: TUS_PATH,
      limitsOf: async (caller) => ({ ...limitsOf(config, await policies.of(caller.company), caller), preview_types }),
      now,
      uploadWhole: upload.multipart,
    }),
    archives: createArchiveRoutes({
      sendArchive: createSendArchive({ archiveFiles: sharing.archiveFiles }),
      mediaUrl: () => parts.publicUrl() + config.mediaPath,
      secret: linkSecret,
      auditLog,
      clientOf,
      now,
    }),
    media: createMediaRoute({ files, sendObject, auditLog, clientOf, secret: linkSecret, now }),
    admin: {
      guard: authenticateAdmin({
        adminToken: config.adminToken,
        addresses: config.adminAddresses,
        clientAddress,
        createLimiter: countGuesses(parts.nodes.createLimiter, metrics.http),
        securityLog,
      }),
    },
    overview: createOverviewAdminRoutes({
      ...parts,
      version: packageJson.version,
      parts: inspectedParts(parts),
      disks: () => disksOf(config),
      overview: createOverviewTable(database),
      isScanning: parts.scanning !== null,
      expirySeconds: config.uploadExpirySeconds,
      monotonicMs: () => performance.now(),
      now,
    }),
    statistics: createStatisticsAdminRoutes({ ...parts, now }),
    companies: createPolicyAdminRoutes({ companies: sharing.manageCompanies, clientOf }),
    webhooks: createWebhookAdminRoutes({ webhooks: sharing.webhooks.manage, clientOf }),
    jobs: createJobAdminRoutes({ jobs: createJobList(database), chores: parts.choreTable, now }),
    infections: createInfectionAdminRoutes({ infections: parts.infections }),
    audit: createAuditAdminRoutes({ audit, auditLog }),
    deletions: createDeletionAdminRoutes({ deletions: parts.deletions, deleteScope, clientOf }),
    health: createHealthRoutes({
      database,
      storage,
      draining: draining.signal,
      nodes: parts.nodes,
      scannerIsThere: parts.scanning?.watch.isThere ?? null,
    }),
    metrics: createMetricsRoute({
      render,
      token: config.metricsToken,
      development: config.development,
      clientAddress,
      createLimiter: parts.nodes.createLimiter,
      onLimited: () => metrics.http.limited('metrics_token'),
    }),
    openApi: createDocumentRoute(() =>
      createOpenApiDocument({ version: packageJson.version, mediaPath: config.mediaPath }),
    ),
    asyncApi: createDocumentRoute(() =>
      createAsyncApiDocument({
        version: packageJson.version,
        publicUrl: parts.publicUrl(),
        tokenInQuery: config.wsTokenInQuery,
      }),
    ),
    policyReports: createPolicyReports({ securityLog }),
    problems: createProblemPages(),
    pages: createPageRoutes({
      assets,
      development: config.development,
      publicUrl: parts.publicUrl,
      filesOrigin: config.filesOrigin,
      hasAdminToken: config.adminToken !== undefined,
      origins,
      signToken: auth.signDemoToken,
      now,
    }),
  });
  http.on('request', (request, response) => {
    tracing.request(request, () => {
      const traceId = tracing.traceIdOf(request);
      if (traceId !== null) requests.noteTrace(traceId);
      answer(request, response);
    });
  });
  const onFault = (err: unknown) => log.error({ err }, 'a socket message failed');
  const onConnected = (
    { caller, session }: { caller: Participant; session: string | null },
    request: IncomingMessage,
  ) => {
    const deed = { action: 'connected', company: caller.company, session } as const;
    auditLog.note(actorOf(caller, clientOf(request)), deed);
  };
  const keyWatch = createKeyWatch({ keysOf: policies.keysOf, onFault });
  policies.onChange(keyWatch.check);
  const places = createSocketPlaces();
  const connecting = { authenticateToken, origins, keyWatch, clientAddress };
  const onRefused = securityLog.refused;
  const socketNeeds = {
    ...connecting,
    feed,
    ledger,
    listFiles,
    onConnected,
    onRefused,
    onFault,
    requestIdOf: parts.requests.idOf,
    now,
  };
  const socketIo = createSocketServer(http, { ...socketNeeds, places: countPlaces(places, 'socket_io', metrics.http) });
  const plain = createPlainWebSocket({
    ...socketNeeds,
    places: countPlaces(places, 'websocket', metrics.http),
    answerHeaders: parts.answerHeaders,
    tokenInQuery: config.wsTokenInQuery,
    draining: draining.signal,
  });
  plain.attach(http);
  if (socketPort !== null) plain.attachAlone(socketPort, (host) => hostAt(http, host));
  const metricsPort =
    render === null || config.metricsPort === undefined ? null : createHttpServer(parts.answerHeaders, parts.requests);
  if (metricsPort !== null && render !== null) metricsPort.on('request', createMetricsApp(render, log).callback());
  const closePort = () => new Promise<void>((done) => (socketPort === null ? done() : socketPort.close(() => done())));
  return {
    metricsPort,
    close: async () => void (await Promise.all([socketIo.close(), plain.close(), closePort()])),
  };
}

/** What the operator's page asks whether it works. */
function inspectedParts({ config, database, storage, scanning, nodes }: Parts): Inspected[] {
  const isPostgres = config.postgresUrl !== undefined;
  return [
    { name: 'database', detail: isPostgres ? 'PostgreSQL' : 'SQLite', look: async () => database.raw('select 1') },
    { name: 'storage', detail: config.store === 's3' ? 'S3' : 'local disk', look: storage.check },
    { name: 'scanner', detail: 'clamd', look: scanning === null ? null : scanning.watch.isThere },
    {
      name: 'redis',
      detail: 'Redis',
      look: config.redisUrl === undefined ? null : async () => !nodes.degraded().includes('redis'),
    },
    { name: 'nodes', detail: 'locks on PostgreSQL', look: isPostgres ? async () => nodes.isConnected() : null },
  ];
}

async function disksOf({ store, mediaRoot, dataDir }: Config): Promise<Health['disks']> {
  const rooms: Health['disks'] = [];
  for (const [holds, folder] of [
    ['files', store === 'local' ? mediaRoot : null],
    ['data', dataDir],
  ] as const) {
    if (folder === null) continue;
    const { freeBytes, totalBytes } = await diskRoom(folder);
    rooms.push({ holds, free_bytes: freeBytes, total_bytes: totalBytes });
  }
  return rooms;
}

function limitsOf(config: Config, policy: CompanyPolicy, { role }: Participant): Limits {
  return {
    max_file_size: policy.maxFileSizeBytes,
    allowed_types: [...policy.allowedTypes[role]],
    uploads_per_minute: policy.uploadsPerMinute,
    upload_expiry: config.uploadExpirySeconds,
    tus_endpoint: `${TUS_PATH}/`,
    scans_files: policy.scanRequired,
  };
}
