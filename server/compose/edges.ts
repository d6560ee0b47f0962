import packageJson from '../../package.json' with { type: 'json' };
import type { Assets } from '../assets.ts';
import type { Config } from '../config.ts';
import type { ChatConfig } from '../contract/chat-file.ts';
import { createSessionListTable } from '../database/session-list-table.ts';
import { createArchiveRoutes } from '../http/archive-routes.ts';
import { createChatSessionRoutes } from '../http/chat-session-routes.ts';
import { createDocumentRoute } from '../http/document-route.ts';
import { createFileRoutes } from '../http/file-routes.ts';
import { createHealthRoutes } from '../http/health-routes.ts';
import { createHttpApp, TUS_PATH } from '../http/http-app.ts';
import { createHttpServer } from '../http/http-server.ts';
import { createMediaRoute } from '../http/media-routes.ts';
import { createMetricsApp, createMetricsRoute } from '../http/metrics-route.ts';
import { createPageRoutes } from '../http/page-routes.ts';
import { createPolicyReports } from '../http/policy-reports.ts';
import { createProblemPages } from '../http/problem-pages.ts';
import { createSendArchive } from '../http/send-archive.ts';
import { createSendObject } from '../http/send-object.ts';
import { createSessionRoutes } from '../http/session-routes.ts';
import { createUploadRoutes } from '../http/upload-routes.ts';
import type { CompanyPolicy } from '../rules/company-policy.ts';
import type { Participant } from '../rules/participant.ts';
import { previewTypesOf } from '../rules/preview-types.ts';
import { createListSessions } from '../sharing/list-sessions.ts';
import { composeAdmin } from './admin.ts';
import { composeCallers } from './callers.ts';
import { now, type Parts } from './parts.ts';
import { composeRender } from './render-metrics.ts';
import type { Sharing } from './sharing.ts';
import { composeSockets } from './sockets.ts';
import type { UploadEdge } from './uploading.ts';

type Limits = Omit<ChatConfig, 'caller' | 'preview_types'>;

export type Edges = ReturnType<typeof composeEdges>;

/** HTTP and both kinds of sockets, on one port; the plain one, if wanted, on a second, and metrics on a third. */
export function composeEdges(parts: Parts, sharing: Sharing, upload: UploadEdge, assets: Assets) {
  const { config, log, http, database, storage, files, uploads, ledger, presentFile, linkSecret, policies, auth } =
    parts;
  const { metrics, tracing, requests, auditLog, draining } = parts;
  const { listFiles, removeFile, removeSession, revokeLinks, creationLimits } = sharing;
  const preview_types = previewTypesOf(sharing.previewKinds);
  const { authenticateToken } = auth;
  const secure = config.publicUrl?.startsWith('https:') ?? false;
  const sendObject = createSendObject({ storage });
  const callers = composeCallers(parts);
  const { origins, clientAddress, clientOf, securityLog } = callers;
  const render = composeRender(parts);
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
    ...composeAdmin(parts, sharing, callers),
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
    // What they are made of is loaded when one is asked for.
    openApi: createDocumentRoute(async () => {
      const { createOpenApiDocument } = await import('../http/openapi-document.ts');
      return createOpenApiDocument({ version: packageJson.version, mediaPath: config.mediaPath });
    }),
    asyncApi: createDocumentRoute(async () => {
      const { createAsyncApiDocument } = await import('../realtime/asyncapi-document.ts');
      return createAsyncApiDocument({
        version: packageJson.version,
        publicUrl: parts.publicUrl(),
        tokenInQuery: config.wsTokenInQuery,
      });
    }),
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
  const sockets = composeSockets(parts, sharing, callers);
  const metricsPort =
    render === null || config.metricsPort === undefined ? null : createHttpServer(parts.answerHeaders, parts.requests);
  if (metricsPort !== null && render !== null) metricsPort.on('request', createMetricsApp(render, log).callback());
  return { metricsPort, close: sockets.close };
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
