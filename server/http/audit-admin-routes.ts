/** Who did what, for the operator: a page of the audit, or all of it as JSON lines. */
import { Readable } from 'node:stream';
import type { Middleware } from 'koa';
import * as z from 'zod';
import { AUDIT_ACTIONS, type AuditEntry, type AuditFilter, type AuditTable } from '../database/audit-table.ts';
import { isScopeId } from '../rules/participant.ts';
import type { AuditLog } from '../sharing/audit-log.ts';
import { readCursor } from './read-cursor.ts';
import { readQuery } from './read-query.ts';

type Needs = { audit: Pick<AuditTable, 'list'>; auditLog: Pick<AuditLog, 'flush'> };

const MAX_PAGE_ENTRIES = 1000;
/** Read at a time for an export, so that a large one takes no more memory than a small one. */
const EXPORT_PAGE_ENTRIES = 500;

const moment = z.iso.datetime({ offset: true }).or(z.iso.date());

export const auditQuery = z.object({
  company_id: z.string().refine(isScopeId).optional(),
  session_id: z.string().refine(isScopeId).optional(),
  action: z.enum(AUDIT_ACTIONS).optional(),
  since: moment.optional(),
  until: moment.optional(),
  limit: z.coerce.number().int().min(1).max(MAX_PAGE_ENTRIES).default(100),
  cursor: z.string().max(20).optional(),
  format: z.enum(['json', 'jsonl']).default('json'),
});

export type AuditAdminRoutes = Record<'list', Middleware>;

export function createAuditAdminRoutes({ audit, auditLog }: Needs): AuditAdminRoutes {
  return {
    list: async (ctx) => {
      const { company_id, session_id, action, since, until, limit, cursor, format } = readQuery(auditQuery, ctx.query);
      const filter = { company: company_id, session: session_id, action, sinceMs: msOf(since), untilMs: msOf(until) };
      // What was done a moment ago is in it; while the database is away the next line says so.
      await auditLog.flush().catch(() => {});
      if (format === 'jsonl') {
        ctx.set('Content-Type', 'application/x-ndjson');
        ctx.set('Content-Disposition', 'attachment; filename="audit.jsonl"');
        // Koa guesses a type for a stream that has none yet; ours stands.
        ctx.body = Readable.from(exported(audit, filter));
        ctx.set('Content-Type', 'application/x-ndjson');
        return;
      }
      const page = await audit.list(filter, { order: 'newest', beyondId: readCursor(cursor), limit: limit + 1 });
      const shown = page.slice(0, limit);
      const last = shown.at(-1);
      ctx.body = {
        entries: shown.map(presentAuditEntry),
        next_cursor: page.length > limit && last !== undefined ? String(last.id) : null,
      };
    },
  };
}

/** As it is read by programs; the wire schema `AuditEntry` says the same. */
export function presentAuditEntry(entry: AuditEntry) {
  return {
    id: entry.id,
    at: new Date(entry.at).toISOString(),
    company_id: entry.company,
    session_id: entry.session,
    role: entry.role,
    subject: entry.subject,
    action: entry.action,
    file_id: entry.fileId,
    name: entry.name,
    address: entry.address,
    detail: entry.detail,
  };
}

/** The oldest first; what is added meanwhile comes too. */
async function* exported(audit: Needs['audit'], filter: AuditFilter): AsyncGenerator<string> {
  let beyondId: number | null = null;
  for (;;) {
    const page: AuditEntry[] = await audit.list(filter, { order: 'oldest', beyondId, limit: EXPORT_PAGE_ENTRIES });
    if (page.length > 0) yield page.map((entry) => `${JSON.stringify(presentAuditEntry(entry))}\n`).join('');
    if (page.length < EXPORT_PAGE_ENTRIES) return;
    beyondId = page.at(-1)?.id ?? null;
  }
}

function msOf(text: string | undefined): number | undefined {
  return text === undefined ? undefined : Date.parse(text);
}
