import packageJson from '../../package.json' with { type: 'json' };
import type { Config } from '../config.ts';
import type { Health } from '../contract/operator.ts';
import { createJobList } from '../database/job-list.ts';
import { createOverviewTable } from '../database/overview-table.ts';
import { createAuditAdminRoutes } from '../http/audit-admin-routes.ts';
import { authenticateAdmin } from '../http/authenticate-admin.ts';
import { createDeletionAdminRoutes } from '../http/deletion-admin-routes.ts';
import { createInfectionAdminRoutes } from '../http/infection-admin-routes.ts';
import { createJobAdminRoutes } from '../http/job-admin-routes.ts';
import { createOverviewAdminRoutes, type Inspected } from '../http/overview-admin-routes.ts';
import { createPolicyAdminRoutes } from '../http/policy-admin-routes.ts';
import { createStatisticsAdminRoutes } from '../http/statistics-admin-routes.ts';
import { createWebhookAdminRoutes } from '../http/webhook-admin-routes.ts';
import { diskRoom } from '../storage/disk-room.ts';
import type { Callers } from './callers.ts';
import { countGuesses } from './metrics.ts';
import { now, type Parts } from './parts.ts';
import type { Sharing } from './sharing.ts';

/** The operator's calls below `/api/admin/`. */
export function composeAdmin(parts: Parts, sharing: Sharing, { clientAddress, clientOf, securityLog }: Callers) {
  const { config, database, metrics, audit, auditLog } = parts;
  return {
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
    deletions: createDeletionAdminRoutes({ deletions: parts.deletions, deleteScope: sharing.deleteScope, clientOf }),
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
