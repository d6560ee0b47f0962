/**
 * The one place that speaks CORS: allowed origins get their own name back, others get nothing. Credentials are allowed
 * to them too: a dashboard on app.example.com sets and uses the cookie of files.example.com. A list of exact names,
 * never `*`, makes that safe.
 */
import type { IncomingHttpHeaders } from 'node:http';
import type { Middleware } from 'koa';
import type { Origins } from '../auth/origins.ts';

const EXPOSED =
  'Location, Upload-Offset, Upload-Length, Upload-Metadata, Upload-Expires, Upload-Defer-Length, Upload-Concat, Tus-Resumable, ' +
  'Tus-Version, Tus-Extension, Tus-Max-Size, Tus-Checksum-Algorithm, Chat-File-Id, Retry-After, RateLimit, RateLimit-Policy, ETag, Content-Range, Content-Disposition, X-Request-Id';
const ALLOWED_HEADERS =
  'Authorization, Content-Type, Tus-Resumable, Upload-Offset, Upload-Length, Upload-Defer-Length, Upload-Metadata, ' +
  'Upload-Concat, Upload-Checksum, X-HTTP-Method-Override, X-Request-ID, X-Requested-With, If-Range, Range';
/** How long a browser may remember a preflight. */
const PREFLIGHT_SECONDS = 600;

type Rules = Pick<Origins, 'isAllowedOrigin'>;

export function cors(origins: Rules): Middleware {
  return (ctx, next) => {
    const isAllowed = allowOrigin(origins, ctx.req.headers, ctx);
    if (!isAllowed || ctx.method !== 'OPTIONS' || ctx.get('Access-Control-Request-Method') === '') return next();
    ctx.set('Access-Control-Allow-Methods', 'GET, HEAD, POST, PATCH, DELETE');
    ctx.set('Access-Control-Allow-Headers', ALLOWED_HEADERS);
    ctx.set('Access-Control-Max-Age', String(PREFLIGHT_SECONDS));
    ctx.status = 204;
    return undefined;
  };
}

/** Says in the answer whether the page that asks may read it. @returns whether there is one that may */
export function allowOrigin(
  { isAllowedOrigin }: Rules,
  { origin = '', host = '' }: IncomingHttpHeaders,
  answer: { set(name: string, value: string): void },
): boolean {
  // The first to say so; `ctx.vary` would take apart what is there.
  answer.set('Vary', 'Origin');
  if (origin === '' || !isAllowedOrigin(origin, host)) return false;
  answer.set('Access-Control-Allow-Origin', origin);
  answer.set('Access-Control-Allow-Credentials', 'true');
  answer.set('Access-Control-Expose-Headers', EXPOSED);
  return true;
}
