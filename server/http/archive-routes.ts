/** “Download all”: a session's files as one zip, for its agent; by the token, or by a link that a browser can follow. */
import type { Context, Middleware } from 'koa';
import { type Actor, actorOf, linkHolder, OPERATOR } from '../rules/actor.ts';
import { Failure } from '../rules/failure.ts';
import { isScopeId, seesSession } from '../rules/participant.ts';
import { checkLink, signLink } from '../rules/signed-link.ts';
import type { ArchiveRequest } from '../sharing/archive-files.ts';
import type { AuditLog } from '../sharing/audit-log.ts';
import type { CallerMiddleware } from './authenticate.ts';
import type { ClientOf } from './client-of.ts';
import type { SendArchive } from './send-archive.ts';

type Needs = {
  sendArchive: SendArchive;
  /** Absolute, with path and last slash. */
  mediaUrl(): string;
  secret: string;
  auditLog: Pick<AuditLog, 'note'>;
  clientOf: ClientOf;
  now(): number;
};

/** It is followed at once. */
const LINK_SECONDS = 60;

export type ArchiveRoutes = {
  send: CallerMiddleware;
  link: CallerMiddleware;
  byLink: Middleware;
  exportSession: Middleware;
  exportVisitor: Middleware;
};

export function createArchiveRoutes({ sendArchive, mediaUrl, secret, auditLog, clientOf, now }: Needs): ArchiveRoutes {
  const send = (ctx: Context, request: ArchiveRequest, by: Actor) => {
    sendArchive(ctx, request);
    const { company, session } = request;
    if (ctx.method === 'GET')
      auditLog.note(by, { action: 'downloaded', company, session, detail: { archive: request.kind } });
  };
  const operator = (ctx: Context): Actor => ({ ...OPERATOR, ...clientOf(ctx.req) });
  return {
    send: async (ctx) =>
      send(ctx, { ...placeOf(ctx), uploader: null, kind: 'files' }, actorOf(ctx.state.caller, clientOf(ctx.req))),
    link: async (ctx) => {
      const { company, session } = placeOf(ctx);
      const key = keyOf(company, session);
      const expiresAt = Math.floor(now() / 1000) + LINK_SECONDS;
      const deed = { action: 'linked', company, session, detail: { archive: 'files' } } as const;
      auditLog.note(actorOf(ctx.state.caller, clientOf(ctx.req)), deed);
      ctx.set('Cache-Control', 'no-store');
      ctx.status = 201;
      ctx.body = {
        url: `${mediaUrl()}${key}?${signLink(secret, key, { expiresAt, disposition: 'attachment', epoch: 0 })}`,
        expires_at: new Date(expiresAt * 1000).toISOString(),
      };
    },
    byLink: async (ctx) => {
      const { company, session } = idsOf(ctx.params);
      const query = {
        expires: one(ctx.query.expires),
        signature: one(ctx.query.signature),
        disposition: 'attachment',
        epoch: '',
      };
      checkLink(secret, keyOf(company, session), query, Math.floor(now() / 1000));
      send(ctx, { company, session, uploader: null, kind: 'files' }, linkHolder(clientOf(ctx.req)));
    },
    exportSession: async (ctx) => send(ctx, { ...idsOf(ctx.params), uploader: null, kind: 'manifest' }, operator(ctx)),
    exportVisitor: async (ctx) =>
      send(ctx, { ...idsOf(ctx.params), uploader: 'user', kind: 'manifest' }, operator(ctx)),
  };
}

/** Of an agent. A session of which nothing is there is an empty archive. */
function placeOf({ state: { caller }, params }: Parameters<CallerMiddleware>[0]): { company: string; session: string } {
  const session = String(params.session);
  if (!isScopeId(session) || !seesSession(caller, caller.company, session))
    throw new Failure('not-found', 'There is no such session.');
  if (caller.role !== 'agent') throw new Failure('forbidden', 'Only an agent can download a whole session.');
  return { company: caller.company, session };
}

function idsOf({ company, session }: Record<string, unknown>): { company: string; session: string } {
  if (!isScopeId(company) || !isScopeId(session)) throw new Failure('not-found', 'There is no such session.');
  return { company, session };
}

/** No storage key begins so: a link to a file opens no archive, and the other way round. */
function keyOf(company: string, session: string): string {
  return `archive/${company}/${session}`;
}

function one(value: string | string[] | undefined): string {
  return typeof value === 'string' ? value : '';
}
