/** What is owed, for the operator: the same list as `chatdrop jobs`. */
import type { Middleware } from 'koa';
import * as z from 'zod';
import type { ChoreFaults, ChoreTable } from '../database/chore-table.ts';
import type { Job, JobList } from '../database/job-list.ts';
import { readQuery } from './read-query.ts';

type Needs = { jobs: JobList; chores: Pick<ChoreTable, 'list'>; now(): number };

export const jobsQuery = z.object({ limit: z.coerce.number().int().min(1).max(1000).default(50) });

export type JobAdminRoutes = Record<'list', Middleware>;

export function createJobAdminRoutes({ jobs, chores, now }: Needs): JobAdminRoutes {
  return {
    list: async (ctx) => {
      const { limit } = readQuery(jobsQuery, ctx.query);
      const at = now();
      const [counts, listed, faults] = await Promise.all([jobs.count(at), jobs.list(at, limit), chores.list()]);
      ctx.body = { counts, jobs: listed.map(presentJob), chores: faults.map(presentChore) };
    },
  };
}

function presentJob({ kind, key, state, attempts, since, nextAttemptAt, lastError }: Job) {
  const next_attempt_at = nextAttemptAt === 0 ? null : timeOf(nextAttemptAt);
  return {
    kind,
    key,
    state,
    attempts,
    since: since === null ? null : timeOf(since),
    next_attempt_at,
    last_error: lastError,
  };
}

function presentChore({ name, failures, failuresTotal, lastError, lastFailedAt }: ChoreFaults) {
  return { name, failures, failures_total: failuresTotal, last_error: lastError, last_failed_at: timeOf(lastFailedAt) };
}

function timeOf(ms: number): string {
  return new Date(ms).toISOString();
}
