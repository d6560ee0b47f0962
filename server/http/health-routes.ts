/** `/healthz`: the process answers. `/readyz`: it can take uploads. */
import type { Middleware } from 'koa';
import type { Database } from '../database/open-database.ts';
import type { FileStorage } from '../storage/file-storage.ts';

type Needs = {
  database: Database;
  storage: Pick<FileStorage, 'check'>;
  draining: AbortSignal;
  nodes: Nodes;
  /** Null where files are not scanned. Without the scanner all works but the last step of an upload. */
  scannerIsThere: (() => Promise<boolean>) | null;
};

type Nodes = {
  /** Whether this node can hold the locks of uploads. */
  isConnected(): boolean;
  /** What works, but not as well as it could. */
  degraded(): string[];
};

/** As text: for an object Koa would have Node load all of fetch first, and this is what a start is waited for by. */
const ALIVE = JSON.stringify({ status: 'ok' });

export type HealthRoutes = Record<'alive' | 'ready', Middleware>;

export function createHealthRoutes({ database, storage, draining, nodes, scannerIsThere }: Needs): HealthRoutes {
  return {
    alive: async (ctx) => {
      ctx.set('Content-Type', 'application/json; charset=utf-8');
      ctx.body = ALIVE;
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
      const scanner = scannerIsThere === null || (await scannerIsThere());
      const missed = [...nodes.degraded(), ...(scanner ? [] : ['scanner'])];
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
