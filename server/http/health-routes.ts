/** `/healthz`: the process answers. `/readyz`: it can take uploads. */
import type { Middleware } from 'koa';
import type { Database } from '../database/open-database.ts';
import type { FileStorage } from '../storage/file-storage.ts';

type Needs = { database: Database; storage: Pick<FileStorage, 'check'>; draining: AbortSignal; nodes: Nodes };

type Nodes = {
  /** Whether this node can hold the locks of uploads. */
  isConnected(): boolean;
  /** What works, but not as well as it could. */
  degraded(): string[];
};

export type HealthRoutes = Record<'alive' | 'ready', Middleware>;

export function createHealthRoutes({ database, storage, draining, nodes }: Needs): HealthRoutes {
  return {
    alive: async (ctx) => {
      ctx.body = { status: 'ok' };
    },
    ready: async (ctx) => {
      const checks = {
        database: (await await works(() => database.raw('select 1'))) && nodes.isConnected(),
        storage: await works(() => storage.check()),
        server: !draining.aborted,
      };
      const ready = Object.values(checks).every(Boolean);
      ctx.status = ready ? 200 : 503;
      ctx.set('Cache-Control', 'no-store');
      const missed = nodes.degraded();
      ctx.body = { status: ready ? 'ready' : 'not ready', checks, ...(missed.length > 0 && { degraded: missed }) };
    },
  };
}

function works(check: () => Promise<unknown>): Promise<boolean> {
  return check().then(
    () => true,
    () => false,
  );
}
