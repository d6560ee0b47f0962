/** The chats of a company, for its agents. */
import { z } from 'zod';
import { Failure } from '../rules/failure.ts';
import { checkCompany } from '../rules/participant.ts';
import { type ListSessions, MAX_PAGE_SESSIONS } from '../sharing/list-sessions.ts';
import type { CallerMiddleware } from './authenticate.ts';
import { readQuery } from './read-query.ts';

type Needs = { listSessions: ListSessions };

/** Exported for the OpenAPI document. */
export const sessionsQuery = z.object({
  company_id: z.string().optional(),
  limit: z.coerce.number().int().min(1).max(MAX_PAGE_SESSIONS).optional(),
  cursor: z.string().max(100).optional(),
  q: z.string().max(64).optional(),
});

export type ChatSessionRoutes = Record<'list', CallerMiddleware>;

export function createChatSessionRoutes({ listSessions }: Needs): ChatSessionRoutes {
  return {
    list: async (ctx) => {
      const { caller } = ctx.state;
      const { company_id, limit, cursor, q } = readQuery(sessionsQuery, ctx.query);
      checkCompany(caller, company_id);
      if (caller.role !== 'agent') throw new Failure('forbidden', 'Only an agent can list sessions.');
      ctx.body = await listSessions(caller.company, caller.session, { limit, cursor, idContains: q });
    },
  };
}
