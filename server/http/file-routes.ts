/** The original API's files: list, one, its bytes, and its removal; and a session's end. */
import * as z from 'zod';
import { FILE_KINDS, FILE_ORDERS } from '../contract/file-filter.ts';
import type { Deed } from '../database/audit-table.ts';
import type { ChatFileTable, FileRecord } from '../database/chat-file-table.ts';
import { actorOf } from '../rules/actor.ts';
import { Failure } from '../rules/failure.ts';
import { chooseScope, mayRemove, type Participant, seesSession } from '../rules/participant.ts';
import type { AuditLog } from '../sharing/audit-log.ts';
import { type ListFiles, MAX_PAGE_FILES } from '../sharing/list-files.ts';
import type { PresentFile } from '../sharing/present-file.ts';
import type { RemoveFile } from '../sharing/remove-file.ts';
import type { RemoveSession } from '../sharing/remove-session.ts';
import type { RevokeLinks } from '../sharing/revoke-links.ts';
import type { CallerMiddleware } from './authenticate.ts';
import type { ClientOf } from './client-of.ts';
import { readQuery } from './read-query.ts';
import { deedOfAnswer, type SendObject } from './send-object.ts';

type Needs = {
  files: Pick<ChatFileTable, 'find'>;
  listFiles: ListFiles;
  presentFile: PresentFile;
  removeFile: RemoveFile;
  removeSession: RemoveSession;
  revokeLinks: RevokeLinks;
  sendObject: SendObject;
  auditLog: Pick<AuditLog, 'note'>;
  clientOf: ClientOf;
};

export const listQuery = z.object({
  company_id: z.string().optional(),
  session_id: z.string().optional(),
  limit: z.coerce.number().int().min(1).max(MAX_PAGE_FILES).optional(),
  cursor: z.string().max(100).optional(),
  order: z.enum(FILE_ORDERS).optional(),
  mime_type: z.string().max(127).optional(),
  kind: z.enum(FILE_KINDS).optional(),
  uploader: z.enum(['user', 'agent']).optional(),
  q: z.string().max(255).optional(),
});
export const contentQuery = z.object({ disposition: z.enum(['inline', 'attachment']).default('inline') });

export type FileRoutes = Record<
  'list' | 'one' | 'content' | 'remove' | 'revokeLinks' | 'removeSession' | 'revokeSessionLinks',
  CallerMiddleware
>;

export function createFileRoutes(needs: Needs): FileRoutes {
  const actor = (ctx: Parameters<CallerMiddleware>[0]) => actorOf(ctx.state.caller, needs.clientOf(ctx.req));
  return {
    list: async (ctx) => {
      const { caller } = ctx.state;
      const query = readQuery(listQuery, ctx.query);
      const session = chooseScope(caller, { company: query.company_id, session: query.session_id });
      const { limit, cursor, order, kind, uploader } = query;
      const page = await needs.listFiles(caller.company, session, {
        limit,
        cursor,
        order,
        kind,
        uploader,
        mimeType: query.mime_type,
        nameContains: query.q,
      });
      const deed = { action: 'linked', company: caller.company, session } as const;
      if (page.files.length > 0) needs.auditLog.note(actor(ctx), { ...deed, detail: { files: page.files.length } });
      ctx.body = page;
    },
    one: async (ctx) => {
      const file = await findVisible(needs, ctx.state.caller, ctx.params.id);
      needs.auditLog.note(actor(ctx), deedOn(file, 'linked'));
      ctx.body = needs.presentFile(file);
    },
    content: async (ctx) => {
      const { disposition } = readQuery(contentQuery, ctx.query);
      const file = await findVisible(needs, ctx.state.caller, ctx.params.id);
      await needs.sendObject(ctx, file, disposition, 0);
      const sent = deedOfAnswer(ctx);
      if (sent !== null) needs.auditLog.note(actor(ctx), deedOn(file, sent));
    },
    remove: async (ctx) => {
      const file = await findVisible(needs, ctx.state.caller, ctx.params.id);
      if (!mayRemove(ctx.state.caller, file)) throw new Failure('forbidden', 'Only the agent can remove this file.');
      if (!(await needs.removeFile(file, 'deleted', actor(ctx))))
        throw new Failure('not-found', 'There is no such file.');
      ctx.status = 204;
    },
    revokeLinks: async (ctx) => {
      const file = await findVisible(needs, ctx.state.caller, ctx.params.id);
      if (!mayRemove(ctx.state.caller, file))
        throw new Failure('forbidden', 'Only the agent can take back the links to this file.');
      if (!(await needs.revokeLinks.ofFile(file, actor(ctx)))) throw new Failure('not-found', 'There is no such file.');
      ctx.status = 204;
    },
    revokeSessionLinks: async (ctx) => {
      const { caller } = ctx.state;
      const session = visibleSession(caller, ctx.params.session);
      if (caller.role !== 'agent')
        throw new Failure('forbidden', 'Only an agent can take back the links of a session.');
      if ((await needs.revokeLinks.ofSession(caller.company, session, actor(ctx))) === 0)
        throw new Failure('not-found', 'There is no file in such a session.');
      ctx.status = 204;
    },
    removeSession: async (ctx) => {
      const { caller } = ctx.state;
      const session = visibleSession(caller, ctx.params.session);
      if (caller.role !== 'agent') throw new Failure('forbidden', 'Only an agent can delete a session.');
      if (!(await needs.removeSession(caller.company, session, actor(ctx))))
        throw new Failure('not-found', 'There is no such session.');
      ctx.status = 204;
    },
  };
}

export function deedOn({ company, session, id: fileId, name }: FileRecord, action: Deed['action']): Deed {
  return { action, company, session, fileId, name };
}

function visibleSession(caller: Participant, session: unknown): string {
  if (typeof session !== 'string' || !seesSession(caller, caller.company, session))
    throw new Failure('not-found', 'There is no such session.');
  return session;
}

/** What the caller may not see does not exist for them. */
async function findVisible({ files }: Needs, caller: Participant, id: unknown): Promise<FileRecord> {
  const file = typeof id === 'string' && /^\d{1,15}$/.test(id) ? await files.find(Number(id)) : null;
  if (file === null || !seesSession(caller, file.company, file.session))
    throw new Failure('not-found', 'There is no such file.');
  return file;
}
