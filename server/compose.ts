/** Builds the whole server from one Config, starts it, and drains it: read this first, then `compose/`. */
import { setTimeout as sleep } from 'node:timers/promises';
import type { Logger } from 'pino';
import { MIGRATIONS } from '../migrations/index.ts';
import type { Assets } from './assets.ts';
import { composeCheckUsage, composeCleaning } from './compose/cleaning.ts';
import { databaseFault } from './compose/database-fault.ts';
import { composeEdges, type Edges } from './compose/edges.ts';
import { composeMetrics } from './compose/metrics.ts';
import { composeParts, now, type Overrides, type Parts } from './compose/parts.ts';
import { composeSharing, type Sharing } from './compose/sharing.ts';
import { claimStore } from './compose/storage.ts';
import { takeFolders } from './compose/tools.ts';
import { composeTracing } from './compose/tracing.ts';
import { composeUpload } from './compose/uploading.ts';
import type { Config } from './config.ts';
import { FIRST_TABLES } from './database/first-tables.ts';
import { migrate } from './database/migrate.ts';
import { type Database, openDatabase, openForMigration } from './database/open-database.ts';
import { listen, trackConnections } from './http/http-server.ts';
import { createRequestContext, type RequestContext } from './http/request-context.ts';
import { createChores } from './jobs/chores.ts';
import { type Periodic, startPeriodic } from './jobs/periodic.ts';
import { createReportChores } from './jobs/report-chores.ts';

export type ChatdropServer = {
  /**
   * Finishes what an earlier process owed, then listens; what takes longer than `FIRST_RUN_MS`, since the store is away or it
   * is much, goes on meanwhile. @returns the address of the server
   */
  start(): Promise<string>;
  /**
   * Drains: bodies end with their bytes kept, finishes complete, sockets close. Takes `STOP_MS` at most and a little: what
   * is not done by then can be done at the next start.
   */
  stop(): Promise<void>;
};

/** Milliseconds that requests under way get at a shutdown. */
const DRAIN_MS = 8_000;
const END_IDLE_EVERY_MS = 100;
/** And that sockets get to say goodbye. */
const SOCKETS_DRAIN_MS = 1_000;
/** A store that takes requests and says nothing keeps chores and finishes for minutes. */
const STOP_MS = 9_000;
const FIRST_RUN_MS = 5_000;
/** And then, what was opened, downloaded and refused in the last second is written. */
const AUDIT_MS = 500;
/** And the last traces are sent, where there are any. */
const TRACES_MS = 500;

/** @throws when the data folder is in use, or the database or the storage cannot be opened */
export async function compose(
  config: Config,
  log: Logger,
  assets: Assets,
  overrides: Overrides = {},
  requests: RequestContext = createRequestContext(config),
): Promise<ChatdropServer> {
  const lock = takeFolders(config);
  let release = async () => lock.release();
  try {
    const database = await openMigrated(config, overrides.disk);
    release = async () => {
      await database.destroy();
      lock.release();
    };
    const [metrics, tracing] = await Promise.all([composeMetrics(config), composeTracing(config)]);
    const parts = await composeParts(config, log, database, overrides, metrics, requests, tracing);
    release = async () => {
      await parts.nodes.close();
      await database.destroy();
      lock.release();
    };
    await claimDisk(parts);
    await claimStore(config, parts.stores.record);
    const sharing = composeSharing(parts);
    const upload = composeUpload(parts, sharing);
    const edges = composeEdges(parts, sharing, upload, assets);
    return createLifecycle(parts, sharing, edges, release);
  } catch (error) {
    // A process that cannot serve must end: with the lock held it would keep the next one from starting.
    await release();
    throw error;
  }
}

function createLifecycle(parts: Parts, sharing: Sharing, edges: Edges, release: () => Promise<void>): ChatdropServer {
  const { config, log, http, socketPort, draining } = parts;
  const { metricsPort } = edges;
  const connections = trackConnections(http, ...[socketPort, metricsPort].filter((port) => port !== null));
  const checkUsage = composeCheckUsage(parts);
  const chores = createChores({
    ...composeCleaning(parts, sharing),
    hasOtherNodes: parts.nodes.isAlive !== null,
    checkUsage,
    makePreviews: sharing.previews.run,
    sendWebhooks: sharing.webhooks.deliver.run,
    onFault: (err) => log.warn({ err }, 'what an earlier process left could not be looked at; that is done later'),
    flushAudit: parts.auditLog.flush,
    flushRefusals: parts.refusals.flush,
    pollFeed: () => parts.feed.poll(),
    lookAtPolicies: () => parts.policies.look(),
  });
  const onAuditFault = (err: unknown) => log.error({ err }, 'the last entries of the audit could not be written');
  let periodic: Periodic | undefined;
  let firstRun: Promise<void> | undefined;
  const stop = async () => {
    draining.abort();
    const startedAt = performance.now();
    const choresEnd = Promise.all([periodic?.stop(), firstRun]);
    const timers = [
      // Node ends those that are idle when it stops listening, and not those whose answer ends later.
      setInterval(connections.endIdle, END_IDLE_EVERY_MS),
      setTimeout(connections.endSockets, SOCKETS_DRAIN_MS),
      setTimeout(connections.endAll, DRAIN_MS),
    ];
    await edges.close();
    for (const timer of timers) clearTimeout(timer);
    await within(
      STOP_MS - (performance.now() - startedAt),
      Promise.all([
        choresEnd.then(sharing.finishUpload.settled).then(sharing.previews.settled),
        sharing.webhooks.deliver.settled(),
      ]),
    );
    await within(
      AUDIT_MS,
      Promise.all([parts.auditLog.flush().catch(onAuditFault), parts.refusals.flush().catch(() => {})]),
    );
    await within(
      TRACES_MS,
      parts.tracing.stop().catch(() => {}),
    );
    metricsPort?.close();
    connections.endAll();
    await release();
  };
  const start = async () => {
    await chores.atStart();
    firstRun = chores.firstRun();
    await within(FIRST_RUN_MS, firstRun);
    // Not waited for: the server starts when the issuer is away, and the first request would ask anyway.
    void parts.auth.jwks?.keys();
    if (config.thumbnails) sharing.previews.start();
    await listen(http, config.host, config.port);
    if (socketPort !== null) await listen(socketPort, config.host, config.wsPort ?? 0, 'WS_PORT');
    if (metricsPort !== null) await listen(metricsPort, config.metricsHost, config.metricsPort ?? 0, 'METRICS_PORT');
    // Not before: their links need the address.
    sharing.webhooks.deliver.start();
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

/** Waits for the work, but no longer. */
async function within(maxMs: number, work: Promise<unknown>): Promise<void> {
  const over = new AbortController();
  const limit = sleep(Math.max(0, maxMs), undefined, { signal: over.signal }).catch(() => {});
  await Promise.race([work, limit]).finally(() => over.abort());
}

/** Files on a disk of one node are seen by no other: it is alone then. */
async function claimDisk({ stores, nodes }: Parts): Promise<void> {
  if (await nodes.claim('the files on its own disk', stores.usesDisk ? 'alone' : 'shared')) return;
  throw new Error(
    stores.usesDisk
      ? 'Another node runs on this database, and here are files on a local disk. Several nodes need a store that all of them see: S3 (USE_S3_STORAGE).'
      : 'A node with files on its own disk runs on this database. Bring them to S3 first: chatdrop migrate-storage --to s3',
  );
}

/** SQLite has one connection, which then stays; a PostgreSQL that is migrated may take its time, one that serves may not. */
async function openMigrated(config: Config, disk: Overrides['disk']): Promise<Database> {
  const database = await openForMigration(config, disk);
  const stays = config.postgresUrl === undefined;
  try {
    await migrate(database, MIGRATIONS, FIRST_TABLES);
    if (stays) return database;
  } catch (error) {
    if (stays) await database.destroy();
    throw databaseFault(config, error);
  } finally {
    if (!stays) await database.destroy();
  }
  return openDatabase(config);
}
