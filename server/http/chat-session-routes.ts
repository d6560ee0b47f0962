/** The chats of a company, for its agents. */
import * as z from 'zod';
import { actorOf } from '../rules/actor.ts';
import { Failure } from '../rules/failure.ts';
import { checkCompany } from '../rules/participant.ts';
import type { AuditLog } from '../sharing/audit-log.ts';
import { type ListSessions, MAX_PAGE_SESSIONS } from '../sharing/list-sessions.ts';
import type { CallerMiddleware } from './authenticate.ts';
import type { ClientOf } from './client-of.ts';
import { readQuery } from './read-query.ts';

type Needs = { listSessions: ListSessions; auditLog: Pick<AuditLog, 'note'>; clientOf: ClientOf };

/** Exported for the OpenAPI document. */
export const sessionsQuery = z.object({
  company_id: z.string().optional(),
  limit: z.coerce.number().int().min(1).max(MAX_PAGE_SESSIONS).optional(),
  cursor: z.string().max(100).optional(),
  q: z.string().max(64).optional(),
});

export type ChatSessionRoutes = Record<'list', CallerMiddleware>;

export function createChatSessionRoutes({ listSessions, auditLog, clientOf }: Needs): ChatSessionRoutes {
  return {
    list: async (ctx) => {
      const { caller } = ctx.state;
      const { company_id, limit, cursor, q } = readQuery(sessionsQuery, ctx.query);
      checkCompany(caller, company_id);
      if (caller.role !== 'agent') throw new Failure('forbidden', 'Only an agent can list sessions.');
      const page = await listSessions(caller.company, caller.session, { limit, cursor, idContains: q });
      const files = page.sessions.filter(({ last_file }) => last_file !== null).length;
      const deed = { action: 'linked', company: caller.company, session: caller.session, detail: { files } } as const;
      if (files > 0) auditLog.note(actorOf(caller, clientOf(ctx.req)), deed);
      ctx.body = page;
    },
  };
}
