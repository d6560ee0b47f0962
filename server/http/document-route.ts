/** `GET /openapi.json`, `GET /asyncapi.json`: each written once, when it is first asked for. */
import { createHash } from 'node:crypto';
import type { Middleware } from 'koa';

/** `make`: called once. */
export function createDocumentRoute(make: () => object): Middleware {
  let made: { body: Buffer; etag: string } | undefined;
  const document = () => {
    const body = Buffer.from(JSON.stringify(make()));
    return { body, etag: `"${createHash('sha256').update(body).digest('base64url').slice(0, 22)}"` };
  };
  return async (ctx) => {
    made ??= document();
    ctx.set({ 'Cache-Control': 'no-cache', ETag: made.etag });
    ctx.status = 200;
    if (ctx.fresh) {
      ctx.status = 304;
      return;
    }
    ctx.type = 'application/json';
    ctx.body = made.body;
  };
}
