/** In what a virus was found, and who brought it, for the operator: the same list as `chatdrop infections`. */
import type { Middleware } from 'koa';
import * as z from 'zod';
import type { InfectionTable } from '../database/infection-table.ts';
import { isScopeId } from '../rules/participant.ts';
import { presentInfection } from '../sharing/present-infection.ts';
import { readCursor } from './read-cursor.ts';
import { readQuery } from './read-query.ts';

type Needs = { infections: Pick<InfectionTable, 'list'> };

const MAX_PAGE_INFECTIONS = 1000;

export const infectionsQuery = z.object({
  company_id: z.string().refine(isScopeId).optional(),
  limit: z.coerce.number().int().min(1).max(MAX_PAGE_INFECTIONS).default(100),
  cursor: z.string().max(20).optional(),
});

export type InfectionAdminRoutes = Record<'list', Middleware>;

export function createInfectionAdminRoutes({ infections }: Needs): InfectionAdminRoutes {
  return {
    list: async (ctx) => {
      const { company_id: company, limit, cursor } = readQuery(infectionsQuery, ctx.query);
      const listed = await infections.list(limit + 1, { company, beforeId: readCursor(cursor) ?? undefined });
      const page = listed.slice(0, limit);
      ctx.body = {
        infections: page.map(presentInfection),
        next_cursor: listed.length > limit ? String(page.at(-1)?.id) : null,
      };
    },
  };
}
