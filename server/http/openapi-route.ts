/** `GET /openapi.json`: written once, at the start. */
import { createHash } from 'node:crypto';
import type { Middleware } from 'koa';
import type { OpenApiDocument } from './openapi-document.ts';

export function createOpenApiRoute(document: OpenApiDocument): Middleware {
  const body = Buffer.from(JSON.stringify(document));
  const etag = `"${createHash('sha256').update(body).digest('base64url').slice(0, 22)}"`;
  return async (ctx) => {
    ctx.set({ 'Cache-Control': 'no-cache', ETag: etag });
    ctx.status = 200;
    if (ctx.fresh) {
      ctx.status = 304;
      return;
    }
    ctx.type = 'application/json';
    ctx.body = body;
  };
}
