/** What everything stands on: database, storage, keys, feed. */
import type { Logger } from 'pino';
import { createAuthenticateToken } from '../auth/authenticate-token.ts';
import { developmentSecret } from '../auth/development-secret.ts';
import { createFetchJwks } from '../auth/fetch-jwks.ts';
import { createJwks, type Jwks } from '../auth/jwks.ts';
import { createJwksByUrl } from '../auth/jwks-by-url.ts';
import { signToken, type TokenClaims } from '../auth/sign-token.ts';
import type { Config } from '../config.ts';
import { createAuditTable } from '../database/audit-table.ts';
import { type ChatFileTable, createChatFileTable } from '../database/chat-file-table.ts';
import { createChoreTable } from '../database/chore-table.ts';
import { createCompanyDayTable } from '../database/company-day-table.ts';
import { type CompanyPolicyTable, createCompanyPolicyTable } from '../database/company-policy-table.ts';
import { createCompanyUsageTable } from '../database/company-usage-table.ts';
import { createDeletionTable } from '../database/deletion-table.ts';
import { createEventLedger } from '../database/event-ledger.ts';
import { createImportedFileTable } from '../database/imported-file-table.ts';
import { createInfectionTable } from '../database/infection-table.ts';
import type { Database } from '../database/open-database.ts';
import { createPeopleTable } from '../database/people-table.ts';
import { createPreviewJobTable } from '../database/preview-job-table.ts';
import { createRateLimitTable } from '../database/rate-limit-table.ts';
import { createRemovedObjectTable } from '../database/removed-object-table.ts';
import { runnerOf } from '../database/run-statements.ts';
import { sharedSecret } from '../database/server-value-table.ts';
import { createStatisticsTable } from '../database/statistics-table.ts';
import { createUploadDeletionTable } from '../database/upload-deletion-table.ts';
import { createUploadPartTable } from '../database/upload-part-table.ts';
import { createUploadTable } from '../database/upload-table.ts';
import { createWebhookDeliveryTable } from '../database/webhook-delivery-table.ts';
import { createWebhookTable } from '../database/webhook-table.ts';
import { addressOf, createHttpServer } from '../http/http-server.ts';
import { createRequestContext, type RequestContext } from '../http/request-context.ts';
import { createSocketPort } from '../http/socket-port.ts';
import { NO_METRICS } from '../metrics/no-metrics.ts';
import { watchDatabase } from '../metrics/watch-database.ts';
import { watchStorage } from '../metrics/watch-storage.ts';
import { createSessionFeed, type SessionFeed } from '../realtime/session-feed.ts';
import { answerHeaders } from '../rules/answer-headers.ts';
import { UNWATCHED, watchBoth } from '../rules/watch.ts';
import { createAuditLog } from '../sharing/audit-log.ts';
import { type CompanyPolicies, createCompanyPolicies } from '../sharing/company-policies.ts';
import { createCountRefusals } from '../sharing/count-refusals.ts';
import { createLiveOffsets } from '../sharing/live-offsets.ts';
import { createPresentFile } from '../sharing/present-file.ts';
import type { DiskSyncs } from '../storage/disk-syncs.ts';
import type { FileStorage } from '../storage/file-storage.ts';
import { NO_TRACING } from '../tracing/no-tracing.ts';
import type { Tracing } from '../tracing/tracing.ts';
import type { ComposedMetrics } from './metrics.ts';
import { composeNodes } from './nodes.ts';
import { composeScanner } from './scan.ts';
import { composeStores } from './storage.ts';

/** Of the name that keeps this installation apart from others that share its Redis or its bucket. */
const INSTALLATION_CHARACTERS = 16;

/** What tests put in the place of a part; each gets the real one to wrap. */
export type Overrides = {
  storage?: (real: FileStorage) => FileStorage;
  files?: (real: ChatFileTable) => ChatFileTable;
  feed?: (real: SessionFeed) => SessionFeed;
  /** Of the bench, which measures beside servers that do not wait for the disk: how this one waits for it. */
  disk?: { syncs: DiskSyncs; commitsWait: boolean };
};

export const now = Date.now;
const same = <T>(part: T): T => part;

export type Parts = Awaited<ReturnType<typeof composeParts>>;

/** What everything stands on: database, storage, keys, feed. */
export async function composeParts(
  config: Config,
  log: Logger,
  database: Database,
  overrides: Overrides,
  metrics: ComposedMetrics = NO_METRICS,
  requests: RequestContext = createRequestContext(config),
  tracing: Tracing = NO_TRACING,
) {
  const watch = watchBoth(tracing.watch, metrics.watch);
  const headers = answerHeaders({ secure: config.publicUrl?.startsWith('https:') ?? false });
  const http = createHttpServer(headers, requests);
  const socketPort = config.wsPort === undefined ? null : createSocketPort(headers, requests);
  const draining = new AbortController();
  const publicUrl = () => config.publicUrl ?? addressOf(http, config.host);

  if (watch !== UNWATCHED) watchDatabase(database, { ...metrics, watch });

  const runner = runnerOf(database);
  const files = (overrides.files ?? same)(createChatFileTable(database));
  const ledger = createEventLedger(database);
  const uploads = createUploadTable(database);
  const parts = createUploadPartTable(database);
  const usage = createCompanyUsageTable(database);
  const days = createCompanyDayTable(database);
  const statistics = createStatisticsTable(database);
  const policyTable = createCompanyPolicyTable(database);
  const people = createPeopleTable();
  const removedObjects = createRemovedObjectTable(database);
  const previewJobs = createPreviewJobTable(database);
  const deletions = createDeletionTable(database);
  const endedUploads = createUploadDeletionTable(database);
  const choreTable = createChoreTable(database);
  const infections = createInfectionTable(database);
  const imported = createImportedFileTable(database);
  const webhooks = createWebhookTable(database);
  const webhookDeliveries = createWebhookDeliveryTable(database);
  const limits = createRateLimitTable(database);
  const audit = createAuditTable(database);
  const onLost = (count: number) =>
    log.error({ count }, 'entries of the audit are lost: the database was away too long');
  const auditLog = createAuditLog({ audit, onLost, now });
  const installation = (await sharedSecret(database, 'installation')).slice(0, INSTALLATION_CHARACTERS);
  const jwks = composeJwks(config, log, draining.signal);
  const policies = composePolicies(config, log, policyTable, jwks.ofCompany);
  await policies.look();
  const auth = composeAuth(config, jwks.ofServer, policies);
  const stores = await composeStores(config, database, installation, policies.largestFileBytes, overrides.disk?.syncs);
  const stored = (overrides.storage ?? same)(stores.storage);
  const storage = watch === UNWATCHED ? stored : watchStorage(stored, { ...metrics, watch });

  const linkSecret = config.urlSigningSecret ?? (await sharedSecret(database, 'url_signing_secret'));
  const mediaUrl = () => (config.filesOrigin ?? publicUrl()) + config.mediaPath;
  const presentFile = createPresentFile({ mediaUrl, secret: linkSecret, expirySeconds: config.signedUrlSeconds, now });
  const onFault = (err: unknown) => log.error({ err }, 'the feed could not read the ledger; it tries again');
  const feed = (overrides.feed ?? same)(createSessionFeed({ ledger, files, presentFile, onFault }));
  const nodes = await composeNodes({ config, log, database, feed, policies, installation });
  const scanning = composeScanner(config, log, draining.signal, { ...metrics, watch });
  return {
    config,
    log,
    database,
    runner,
    http,
    answerHeaders: headers,
    socketPort,
    publicUrl,
    files,
    ledger,
    uploads,
    parts,
    usage,
    days,
    statistics,
    refusals: createCountRefusals({ statistics, now }),
    liveOffsets: createLiveOffsets(),
    people,
    removedObjects,
    previewJobs,
    deletions,
    endedUploads,
    choreTable,
    infections,
    imported,
    webhooks,
    webhookDeliveries,
    scanning,
    limits,
    audit,
    auditLog,
    stores,
    storage,
    linkSecret,
    auth,
    presentFile,
    feed,
    nodes,
    policies,
    policyTable,
    draining,
    metrics,
    tracing,
    watch,
    requests,
  };
}

/** Sets of public keys: the one of the settings, and those that companies name. */
function composeJwks({ jwksUrl }: Config, log: Logger, stopping: AbortSignal) {
  const createAt = (url: string, onFault: (err: unknown) => void) =>
    createJwks({ fetchJwks: createFetchJwks(url, stopping), monotonicMs: () => performance.now(), onFault });
  return {
    ofServer:
      jwksUrl === undefined
        ? undefined
        : createAt(jwksUrl, (err) => log.warn({ err }, 'the keys of JWT_JWKS_URL could not be fetched')),
    ofCompany: createJwksByUrl((url) =>
      createAt(url, (err) => log.warn({ err, url }, 'the keys of a company could not be fetched')),
    ),
  };
}

/** What holds for each company: its own, else the settings. */
function composePolicies(config: Config, log: Logger, table: CompanyPolicyTable, jwksAt: (url: string) => Jwks) {
  const { allowedTypes, jwtIssuer: issuer, jwtAudience: audience } = config;
  return createCompanyPolicies({
    table,
    defaults: {
      ...config,
      allowedTypes: { user: allowedTypes, agent: allowedTypes },
      bytesPerDay: undefined,
      compressImagesPx: undefined,
      scanRequired: config.clamd !== undefined,
      retentionSeconds: { user: config.retentionSeconds, agent: config.retentionSeconds },
    },
    claims: { issuer, audience },
    jwksAt,
    onFault: (company, err) => log.error({ company, err }, 'the policy of a company cannot be read'),
  });
}

/** Who is calling: the keys, and what is checked with them. */
function composeAuth(config: Config, jwks: Jwks | undefined, { keysOf: companyKeys }: CompanyPolicies) {
  const { jwtPublicKeys: publicKeys } = config;
  const claimRules = { issuer: config.jwtIssuer, audience: config.jwtAudience };
  const secret = config.development ? developmentSecret(config.dataDir) : config.jwtSecret;
  return {
    jwks,
    authenticateToken: createAuthenticateToken({ ...claimRules, secret, publicKeys, jwks, companyKeys }),
    async signDemoToken(claims: TokenClaims, lifetimeSeconds: number) {
      if (secret === undefined) throw new Error('There is no secret to sign with.');
      return signToken({ ...claimRules, secret }, claims, lifetimeSeconds);
    },
  };
}
