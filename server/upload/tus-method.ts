/** What holds for every request below the tus path, before it is routed: the version spoken, and the method that is meant. */
import type { Context, Middleware, Next } from 'koa';
import { TUS_VERSION, VERSION_HEADER } from './tus-headers.ts';

/** @param path without its last slash */
export function createTusMethod(path: string): Middleware {
  const below = `${path}/`;
  return (ctx, next) => {
    const { method, path: asked } = ctx;
    if (asked !== path && !asked.startsWith(below)) return next();
    // Whether a foreign page may have made the request depends on the method that was really sent (http/csrf.ts).
    ctx.state.sentMethod = method;
    ctx.set(VERSION_HEADER, TUS_VERSION);
    // "[It] MUST be interpreted as the request's method by the Server, if the header is presented. The actual method of
    // the request MUST be ignored."
    const meant = (ctx.get('X-HTTP-Method-Override') || method).toUpperCase();
    return meant === method ? next() : asIfSent(ctx, meant, next);
  };
}

/** Afterwards it is as it was sent: how the answer is framed depends on that. */
async function asIfSent(ctx: Context, meant: string, next: Next): Promise<void> {
  const sent = ctx.method;
  ctx.method = meant;
  try {
    await next();
  } finally {
    ctx.method = sent;
  }
}
