/** An answer in the middle of a body: sent at once, then read on a little so that the client sees it, then closed. */
import type { IncomingMessage, ServerResponse } from 'node:http';
import type { Middleware } from 'koa';

/** What is still read of a body that nobody wants (contract: at most 1 MiB or 2 s). */
const MAX_READ_ON_BYTES = 1024 * 1024;
const MAX_READ_ON_MS = 2000;

/**
 * Closing a connection with unread bytes makes the system send a reset, and a reset can overtake the answer: the
 * client would report a broken connection instead of "this type is not allowed".
 */
export function unreadBody(): Middleware {
  return async (ctx, next) => {
    await next();
    const { req, res } = ctx;
    if (!isUnread(req)) return;
    res.setHeader('Connection', 'close');
    // Only refusals and empty answers are worth the trouble; anything else Node sends before it closes.
    if (ctx.body != null && typeof ctx.body !== 'string') {
      req.resume();
      return;
    }
    const body = ctx.body ?? '';
    ctx.respond = false;
    if (ctx.status !== 204) res.setHeader('Content-Length', Buffer.byteLength(body));
    await endUnread(req, res, ctx.method === 'HEAD' ? '' : body);
  };
}

/** Whether bytes of the request's body may still come. */
export function isUnread(request: IncomingMessage): boolean {
  const { headers } = request;
  const bringsBody = headers['transfer-encoding'] !== undefined || Number(headers['content-length'] ?? 0) > 0;
  return bringsBody && !request.readableEnded && !request.destroyed;
}

/** Sends an answer whose headers are known, among them `Connection: close` and its length. */
export async function endUnread(request: IncomingMessage, response: ServerResponse, body: string): Promise<void> {
  response.flushHeaders();
  if (body !== '') response.write(body);
  await readOn(request);
  response.end();
}

function readOn(req: IncomingMessage): Promise<void> {
  return new Promise((resolve) => {
    let leftBytes = MAX_READ_ON_BYTES;
    const stop = () => {
      clearTimeout(timer);
      req.off('data', onData).off('end', stop).off('close', stop);
      req.pause();
      resolve();
    };
    const timer = setTimeout(stop, MAX_READ_ON_MS);
    const onData = (chunk: Buffer) => {
      leftBytes -= chunk.length;
      // The rest stays in the socket, which is closed when the time is over: a client that goes on sending meets
      // its own full buffer, looks for an answer, and finds it.
      if (leftBytes <= 0) req.pause();
    };
    req.on('data', onData).on('end', stop).on('close', stop).on('error', stop);
    req.resume();
  });
}
