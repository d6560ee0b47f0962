/** What holds for every request below the tus path, before it is routed: the version spoken, and the method that is meant. */
import type { Middleware } from 'koa';
import { TUS_VERSION } from './tus-headers.ts';

/** @param path without its last slash */
export function createTusMethod(path: string): Middleware {
  return async (ctx, next) => {
    if (ctx.path !== path && !ctx.path.startsWith(`${path}/`)) return next();
    const { method } = ctx;
    // Whether a foreign page may have made the request depends on the method that was really sent (http/csrf.ts).
    ctx.state.sentMethod = method;
    // "The Tus-Resumable header MUST be included in every request and response": also in a 401 or 405.
    ctx.set('Tus-Resumable', TUS_VERSION);
    // "[It] MUST be interpreted as the request's method by the Server, if the header is presented. The actual method of
    // the request MUST be ignored."
    ctx.method = (ctx.get('X-HTTP-Method-Override') || method).toUpperCase();
    try {
      await next();
    } finally {
      // How the answer is framed depends on the method that was really sent.
      ctx.method = method;
    }
  };
}
