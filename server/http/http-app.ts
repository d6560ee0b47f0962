/** Koa: the order of the middleware and the route table, on one screen. */
import type { IncomingMessage } from 'node:http';
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
import type { ClientAddress } from './client-address.ts';
import { cors } from './cors.ts';
import type { DeletionAdminRoutes } from './deletion-admin-routes.ts';
import type { FileRoutes } from './file-routes.ts';
import { keepFilesApart } from './files-origin.ts';
import type { HealthRoutes } from './health-routes.ts';
import type { InfectionAdminRoutes } from './infection-admin-routes.ts';
import type { JobAdminRoutes } from './job-admin-routes.ts';
import { limitCreations } from './limit-creations.ts';
import type { OverviewAdminRoutes } from './overview-admin-routes.ts';
import type { PageRoutes } from './page-routes.ts';
import type { PolicyAdminRoutes } from './policy-admin-routes.ts';
import type { ProblemPages } from './problem-pages.ts';
import { problemResponses } from './problem-responses.ts';
import type { CreationLimits } from './rate-limit.ts';
import type { SecurityLog } from './security-log.ts';
import type { SessionRoutes } from './session-routes.ts';
import type { StatisticsAdminRoutes } from './statistics-admin-routes.ts';
import { unreadBody } from './unread-body.ts';
import type { UploadRoutes } from './upload-routes.ts';
import type { WebhookAdminRoutes } from './webhook-admin-routes.ts';

type Answered = {
  request: IncomingMessage;
  method: string;
  route: string;
  status: number;
  seconds: number;
  fileBytes: number;
};

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
  tus: { every: Middleware; options: Middleware; create: CallerMiddleware; upload: CallerMiddleware };
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

export function createHttpApp(needs: Needs): Koa {
  const app = new Koa();
  const routes = createRoutes(needs);
  app.use(unreadBody());
  app.use(endConnection(needs.draining));
  app.use(problemResponses(needs.log, needs.securityLog));
  // From here on only who has something to do afterwards waits for the rest: a body may take hours, and each waits as long.
  app.use(noteAnswers(needs));
  app.use(checkHost(needs.origins));
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

/** A proxy that hears of it sends the next request to another node, instead of into a connection that is just closed. */
function endConnection(draining: AbortSignal): Middleware {
  return async (ctx, next) => {
    await next();
    if (draining.aborted && !ctx.headerSent) ctx.set('Connection', 'close');
  };
}

/** Once an answer has ended, or its client has left: a line in the log, and a count. The line has no query: it may hold a signature. */
function noteAnswers({ log, onAnswered, mediaPath }: Needs): Middleware {
  const shown = createShownRoutes(mediaPath);
  return (ctx, next) => {
    const { req: request, res } = ctx;
    const { socket } = request;
    const [startedAt, sentBefore] = [performance.now(), socket.bytesWritten];
    res.once('close', () => {
      const ms = performance.now() - startedAt;
      const { method } = ctx;
      const { route, sendsFiles } = shown(ctx._matchedRoute);
      if (log.isLevelEnabled('debug'))
        log.debug({ method, path: ctx.path, status: ctx.status, ms: Math.round(ms) }, 'request');
      const fileBytes = sendsFiles && method === 'GET' ? Math.max(0, socket.bytesWritten - sentBefore) : 0;
      onAnswered({ request, method, route, status: res.statusCode, seconds: ms / 1000, fileBytes });
    });
    return next();
  };
}

type ShownRoute = { route: string; sendsFiles: boolean };

/** As the README writes it: `/api/chat/files/{id}`. The route is the table's, so that there are as many as it has rows. */
function createShownRoutes(mediaPath: string): (route: unknown) => ShownRoute {
  const known = new Map<unknown, ShownRoute>();
  const show = (matched: unknown): ShownRoute => {
    const route = typeof matched === 'string' ? matched.replaceAll(/:([a-z]+)|\{\*([a-z]+)\}/g, '{$1$2}') : 'none';
    const sendsFiles =
      route.startsWith(mediaPath) ||
      route.endsWith('/content') ||
      route.endsWith('/archive') ||
      route.endsWith('/export');
    return { route, sendsFiles };
  };
  return (matched) => {
    const there = known.get(matched) ?? show(matched);
    known.set(matched, there);
    return there;
  };
}

function checkHost({ isAllowedHost, isFilesHost }: Origins): Middleware {
  return (ctx, next) => {
    // RFC 9112 section 3.2: "a server MUST respond with a 400 […] to any request message that contains more than one Host".
    if (countHosts(ctx.req.rawHeaders) > 1)
      throw new Failure('invalid-request', 'The request names more than one Host.');
    const host = ctx.get('Host');
    if (!isFilesHost(host) && !isAllowedHost(host))
      throw new Failure('wrong-host', 'In development mode only loopback names are answered.');
    return next();
  };
}

/** Names and values in turn. */
function countHosts(rawHeaders: readonly string[]): number {
  let count = 0;
  for (let at = 0; at < rawHeaders.length; at += 2) {
    const name = rawHeaders[at] as string;
    if (name.length === 4 && name.toLowerCase() === 'host') count += 1;
  }
  return count;
}

function refuseOtherMethods(routes: Router<CallerState>): Middleware {
  return routes.allowedMethods({
    throw: true,
    methodNotAllowed: () => new Failure('method-not-allowed'),
    notImplemented: () => new Failure('method-not-allowed'),
  }) as Middleware;
}
