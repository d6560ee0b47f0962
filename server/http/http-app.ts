/** The order of the middleware and the route table, on one screen; what most uploads are goes a shorter way (tus-lane.ts). */
import type { RequestListener } from 'node:http';
import Router from '@koa/router';
import Koa, { type Middleware } from 'koa';
import type { Logger } from 'pino';
import type { AuthenticateToken } from '../auth/authenticate-token.ts';
import type { Origins } from '../auth/origins.ts';
import { Failure } from '../rules/failure.ts';
import type { ArchiveRoutes } from './archive-routes.ts';
import type { AuditAdminRoutes } from './audit-admin-routes.ts';
import { authenticate, type CallerMiddleware, type CallerState } from './authenticate.ts';
import type { ChatSessionRoutes } from './chat-session-routes.ts';
import { checkHost } from './check-host.ts';
import type { ClientAddress } from './client-address.ts';
import { cors } from './cors.ts';
import type { DeletionAdminRoutes } from './deletion-admin-routes.ts';
import type { FileRoutes } from './file-routes.ts';
import { keepFilesApart } from './files-origin.ts';
import type { HealthRoutes } from './health-routes.ts';
import type { InfectionAdminRoutes } from './infection-admin-routes.ts';
import type { JobAdminRoutes } from './job-admin-routes.ts';
import { limitCreations } from './limit-creations.ts';
import { type Answered, createNoteAnswer, type NoteAnswer } from './note-answers.ts';
import type { OverviewAdminRoutes } from './overview-admin-routes.ts';
import type { PageRoutes } from './page-routes.ts';
import type { PolicyAdminRoutes } from './policy-admin-routes.ts';
import type { ProblemPages } from './problem-pages.ts';
import { createAnswerProblem, problemResponses } from './problem-responses.ts';
import type { CreationLimits } from './rate-limit.ts';
import type { SecurityLog } from './security-log.ts';
import type { SessionRoutes } from './session-routes.ts';
import type { StatisticsAdminRoutes } from './statistics-admin-routes.ts';
import { createTusLane, type TusShortcuts } from './tus-lane.ts';
import { unreadBody } from './unread-body.ts';
import type { UploadRoutes } from './upload-routes.ts';
import type { WebhookAdminRoutes } from './webhook-admin-routes.ts';

type Needs = {
  log: Logger;
  /** `route` is a row of the table below, or `none`. */
  onAnswered(answer: Answered): void;
  securityLog: Pick<SecurityLog, 'refused'>;
  origins: Origins;
  authenticateToken: AuthenticateToken;
  clientAddress: ClientAddress;
  creationLimits: CreationLimits;
  mediaPath: string;
  /** Undefined: links lead to where the API is. */
  filesOrigin: string | undefined;
  /** Aborts when the server shuts down. */
  draining: AbortSignal;
  session: SessionRoutes;
  tus: { every: Middleware; options: Middleware; create: CallerMiddleware; upload: CallerMiddleware } & TusShortcuts;
  files: FileRoutes;
  chats: ChatSessionRoutes;
  uploads: UploadRoutes;
  archives: ArchiveRoutes;
  media: Middleware;
  /** Before everything below `/api/admin/`. */
  admin: { guard: Middleware };
  jobs: JobAdminRoutes;
  audit: AuditAdminRoutes;
  infections: InfectionAdminRoutes;
  deletions: DeletionAdminRoutes;
  companies: PolicyAdminRoutes;
  webhooks: WebhookAdminRoutes;
  overview: OverviewAdminRoutes;
  statistics: StatisticsAdminRoutes;
  health: HealthRoutes;
  metrics: Middleware;
  openApi: Middleware;
  asyncApi: Middleware;
  policyReports: Middleware;
  pages: PageRoutes;
  problems: ProblemPages;
};

export const TUS_PATH = '/api/chat/tus';

/** @returns what answers a request: the short way for most uploads, Koa for all else */
export function createHttpApp(needs: Needs): RequestListener {
  const noteAnswer = createNoteAnswer(needs);
  const answer = createKoa(needs, noteAnswer).callback();
  const answerProblem = createAnswerProblem(needs.log, needs.securityLog);
  const takeUpload = createTusLane({ ...needs, path: TUS_PATH, answerProblem, noteAnswer });
  return (request, response) => {
    if (!takeUpload(request, response)) void answer(request, response);
  };
}

function createKoa(needs: Needs, noteAnswer: NoteAnswer): Koa {
  const app = new Koa();
  const routes = createRoutes(needs);
  app.use(unreadBody());
  app.use(endConnection(needs.draining));
  app.use(problemResponses(needs.log, needs.securityLog));
  // From here on only who has something to do afterwards waits for the rest: a body may take hours, and each waits as long.
  app.use(noteAnswers(noteAnswer));
  app.use((ctx, next) => {
    checkHost(needs.origins, ctx.req);
    return next();
  });
  app.use(cors(needs.origins));
  app.use(keepFilesApart(needs));
  app.use(needs.tus.every);
  // The router tries each row of its table in turn. Most requests are for these few.
  const frequent = new Router<CallerState>();
  routeTus(frequent, needs);
  app.use(frequent.routes());
  app.use(routes.routes());
  app.use(refuseOtherMethods(routes));
  app.on('error', (error) => needs.log.debug({ err: error }, 'a response was cut off'));
  return app;
}

/** What is new here has a row in `openapi-operations.ts` and in the README. */
export function createRoutes(needs: Needs): Router<CallerState> {
  const {
    session,
    files,
    chats,
    uploads,
    archives,
    media,
    admin,
    jobs,
    audit,
    infections,
    companies,
    deletions,
    overview,
    statistics,
    health,
    metrics,
    openApi,
    asyncApi,
    policyReports,
    pages,
    problems,
  } = needs;
  const caller = authenticate(needs);
  const creation = limitCreationsOf(needs);
  const routes = new Router<CallerState>();

  routes.post('/api/auth/session', session.open).delete('/api/auth/session', session.close);
  routeTus(routes, needs);
  routes.post('/api/chat/upload', caller, creation, uploads.multipart);
  routes.get('/api/chat/uploads', caller, uploads.unfinished);
  routes.get('/api/chat/config', caller, uploads.config);
  routes.get('/api/chat/files', caller, files.list);
  routes.get('/api/chat/files/:id', caller, files.one);
  routes.delete('/api/chat/files/:id', caller, files.remove);
  routes.delete('/api/chat/files/:id/links', caller, files.revokeLinks);
  routes.get('/api/chat/files/:id/content', caller, files.content);
  routes.get('/api/chat/sessions', caller, chats.list);
  routes.delete('/api/chat/sessions/:session', caller, files.removeSession);
  routes.delete('/api/chat/sessions/:session/links', caller, files.revokeSessionLinks);
  routes.get('/api/chat/sessions/:session/archive', caller, archives.send);
  routes.post('/api/chat/sessions/:session/archive', caller, archives.link);
  routes.get(`${needs.mediaPath}archive/:company/:session`, archives.byLink);
  routes.get(`${needs.mediaPath}{*key}`, media);
  routes.get('/api/admin/health', admin.guard, overview.health);
  routes.get('/api/admin/overview', admin.guard, overview.overview);
  routes.get('/api/admin/analytics', admin.guard, statistics.analytics);
  routes.get('/api/admin/analytics.csv', admin.guard, statistics.csv);
  routes.get('/api/admin/jobs', admin.guard, jobs.list);
  routes.get('/api/admin/audit', admin.guard, audit.list);
  routes.get('/api/admin/infections', admin.guard, infections.list);
  routes.get('/api/admin/companies', admin.guard, companies.list);
  routes.get('/api/admin/companies/:company/policy', admin.guard, companies.show);
  routes.put('/api/admin/companies/:company/policy', admin.guard, companies.replace);
  routes.delete('/api/admin/companies/:company/policy', admin.guard, companies.clear);
  routes.get('/api/admin/companies/:company/keys', admin.guard, companies.keys);
  routes.post('/api/admin/companies/:company/keys', admin.guard, companies.addKey);
  routes.delete('/api/admin/companies/:company/keys/:key', admin.guard, companies.removeKey);
  routeWebhooks(routes, needs);
  routes.delete('/api/admin/companies/:company', admin.guard, deletions.deleteCompany);
  routes.delete('/api/admin/companies/:company/sessions/:session', admin.guard, deletions.deleteSession);
  routes.delete('/api/admin/companies/:company/sessions/:session/visitor', admin.guard, deletions.deleteVisitor);
  routes.get('/api/admin/companies/:company/sessions/:session/export', admin.guard, archives.exportSession);
  routes.get('/api/admin/companies/:company/sessions/:session/visitor/export', admin.guard, archives.exportVisitor);
  routes.get('/api/admin/deletions', admin.guard, deletions.list);
  routes.get('/api/admin/deletions/:id', admin.guard, deletions.one);
  routes.get('/healthz', health.alive).get('/readyz', health.ready).get('/openapi.json', openApi);
  routes.get('/metrics', metrics);
  routes.get('/asyncapi.json', asyncApi);
  routes.post('/api/csp-reports', policyReports);
  routes.get('/problems', problems.list).get('/problems/:code', problems.one);
  routes
    .get('/', pages.home)
    .get('/widget/:name', pages.widget)
    .get('/widget.js', pages.scriptTag)
    .get('/embed', pages.embed)
    .get('/demo', pages.demo)
    .get('/dashboard', pages.dashboard)
    .get('/admin', pages.admin)
    .post('/demo/tokens', pages.demoTokens);
  return routes;
}

function routeTus(routes: Router<CallerState>, needs: Needs): void {
  const { tus } = needs;
  const caller = authenticate(needs);
  routes.options(TUS_PATH, tus.options).options(`${TUS_PATH}/:id`, tus.options);
  routes.post(TUS_PATH, caller, limitCreationsOf(needs), tus.create);
  routes.all(`${TUS_PATH}/:id`, caller, tus.upload);
}

function limitCreationsOf({ clientAddress, creationLimits: limits }: Needs): CallerMiddleware {
  return limitCreations({ clientAddress, limits });
}

function routeWebhooks(routes: Router<CallerState>, { admin, webhooks }: Pick<Needs, 'admin' | 'webhooks'>): void {
  routes.get('/api/admin/companies/:company/webhooks', admin.guard, webhooks.list);
  routes.post('/api/admin/companies/:company/webhooks', admin.guard, webhooks.add);
  routes.get('/api/admin/companies/:company/webhooks/:webhook', admin.guard, webhooks.one);
  routes.patch('/api/admin/companies/:company/webhooks/:webhook', admin.guard, webhooks.change);
  routes.delete('/api/admin/companies/:company/webhooks/:webhook', admin.guard, webhooks.remove);
  routes.post('/api/admin/companies/:company/webhooks/:webhook/secret', admin.guard, webhooks.rotate);
  routes.post('/api/admin/companies/:company/webhooks/:webhook/test', admin.guard, webhooks.test);
  routes.post('/api/admin/companies/:company/webhooks/:webhook/resend', admin.guard, webhooks.resendFailed);
  routes.get('/api/admin/companies/:company/webhooks/:webhook/deliveries', admin.guard, webhooks.deliveries);
  routes.post(
    '/api/admin/companies/:company/webhooks/:webhook/deliveries/:delivery/resend',
    admin.guard,
    webhooks.resend,
  );
}

function noteAnswers(noteAnswer: NoteAnswer): Middleware {
  return (ctx, next) => {
    noteAnswer(ctx.req, ctx.res, ctx);
    return next();
  };
}

/** A proxy that hears of it sends the next request to another node, instead of into a connection that is just closed. */
function endConnection(draining: AbortSignal): Middleware {
  return async (ctx, next) => {
    await next();
    if (draining.aborted && !ctx.headerSent) ctx.set('Connection', 'close');
  };
}

function refuseOtherMethods(routes: Router<CallerState>): Middleware {
  return routes.allowedMethods({
    throw: true,
    methodNotAllowed: () => new Failure('method-not-allowed'),
    notImplemented: () => new Failure('method-not-allowed'),
  }) as Middleware;
}
