/** `GET /openapi.json`, `GET /asyncapi.json`: each written once, when it is first asked for. */
import { createHash } from 'node:crypto';
import type { Middleware } from 'koa';
import { keepBriefly } from './kept-briefly.ts';

/** `make`: called again only after it has failed. */
export function createDocumentRoute(make: () => Promise<object>): Middleware {
  const made = keepBriefly(Number.POSITIVE_INFINITY, Date.now, async () => {
    const body = Buffer.from(JSON.stringify(await make()));
    return { body, etag: `"${createHash('sha256').update(body).digest('base64url').slice(0, 22)}"` };
  });
  return async (ctx) => {
    const { body, etag } = await made();
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
