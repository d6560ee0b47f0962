/** Deletion for the operator: a company, a session or a visitor with all that is theirs, and the receipts. */
import type { Context, Middleware } from 'koa';
import * as z from 'zod';
import type { DeletionTable, Requester } from '../database/deletion-table.ts';
import { OPERATOR } from '../rules/actor.ts';
import { Failure } from '../rules/failure.ts';
import { isScopeId } from '../rules/participant.ts';
import type { DeleteScope, ScopeRequest } from '../sharing/delete-scope.ts';
import { presentDeletions } from '../sharing/present-deletion.ts';
import type { ClientOf } from './client-of.ts';
import { readQuery } from './read-query.ts';

type Needs = {
  deletions: Pick<DeletionTable, 'find' | 'list' | 'leftOver'>;
  deleteScope: Pick<DeleteScope, 'request' | 'work'>;
  clientOf: ClientOf;
};

/** Exported for the OpenAPI document. */
export const deletionsQuery = z.object({
  company_id: z.string().max(64).optional(),
  limit: z.coerce.number().int().min(1).max(1000).default(50),
  before: z.coerce.number().int().min(1).optional(),
});

export type DeletionAdminRoutes = Record<
  'deleteCompany' | 'deleteSession' | 'deleteVisitor' | 'list' | 'one',
  Middleware
>;

const ADMIN: Requester = { role: 'admin', subject: null };

export function createDeletionAdminRoutes({ deletions, deleteScope, clientOf }: Needs): DeletionAdminRoutes {
  const accept = async (ctx: Context, scope: ScopeRequest) => {
    const deletion = await deleteScope.request(scope, { ...OPERATOR, ...clientOf(ctx.req) }, 0, ADMIN);
    if (deletion === null) throw new Failure('not-found', 'There is nothing to delete.');
    // At once; whatever keeps it from that the chore meets too.
    ctx.res.once('close', () => void deleteScope.work().catch(() => {}));
    ctx.status = 202;
    ctx.set('Location', `/api/admin/deletions/${deletion.id}/`);
    [ctx.body] = await presentDeletions(deletions, [deletion]);
  };
  return {
    deleteCompany: (ctx) => accept(ctx, { kind: 'company', company: idOf(ctx, 'company') }),
    deleteSession: (ctx) =>
      accept(ctx, { kind: 'session', company: idOf(ctx, 'company'), session: idOf(ctx, 'session') }),
    deleteVisitor: (ctx) =>
      accept(ctx, { kind: 'visitor', company: idOf(ctx, 'company'), session: idOf(ctx, 'session') }),
    list: async (ctx) => {
      const { company_id, limit, before } = readQuery(deletionsQuery, ctx.query);
      const page = await deletions.list(company_id, before, limit);
      ctx.body = { deletions: await presentDeletions(deletions, page) };
    },
    one: async (ctx) => {
      const id = String(ctx.params.id);
      const deletion = /^\d{1,15}$/.test(id) ? await deletions.find(Number(id)) : null;
      if (deletion === null) throw new Failure('not-found', 'There is no such deletion.');
      [ctx.body] = await presentDeletions(deletions, [deletion]);
    },
  };
}

/** What cannot be an id is nobody's. */
function idOf(ctx: Context, name: 'company' | 'session'): string {
  const id = ctx.params[name];
  if (!isScopeId(id)) throw new Failure('not-found', `There is no such ${name}.`);
  return id;
}
