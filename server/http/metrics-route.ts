/** `/metrics`: with `METRICS_TOKEN`, from this machine in development mode, or on a port of its own. Elsewhere it is not there. */
import { createHash, timingSafeEqual } from 'node:crypto';
import Koa, { type Context, type Middleware } from 'koa';
import type { Logger } from 'pino';
import { addressGroup } from '../rules/address-group.ts';
import { Failure } from '../rules/failure.ts';
import type { ClientAddress } from './client-address.ts';
import type { CreateLimiter } from './limiter.ts';
import { problemResponses } from './problem-responses.ts';

type Render = () => Promise<{ contentType: string; text: string }>;

type Needs = {
  /** Null: nothing is counted. */
  render: Render | null;
  token: string | undefined;
  /** This machine needs no token. */
  development: boolean;
  clientAddress: ClientAddress;
  createLimiter: CreateLimiter;
  /** Somebody guessed too often. */
  onLimited(): void;
};

/** Wrong tokens from one address; above it nobody there gets in until the minute is over, also with the right one. */
const MAX_WRONG_TOKENS = 20;
const WINDOW_SECONDS = 60;
const LOOPBACK = /^(?:127\.|::1$|::ffff:127\.)/;

export function createMetricsRoute({ render, token, development, clientAddress, ...needs }: Needs): Middleware {
  const expected = token === undefined ? null : digest(token);
  const wrongTokens = needs.createLimiter({ name: 'metrics', windowSeconds: WINDOW_SECONDS });
  return async (ctx) => {
    if (render === null) throw nothingHere(ctx);
    if (expected === null) {
      if (!development || !LOOPBACK.test(ctx.req.socket.remoteAddress ?? '')) throw nothingHere(ctx);
      return send(ctx, render);
    }
    const given = /^Bearer +(\S+)$/i.exec(ctx.get('Authorization'))?.[1];
    if (given === undefined) throw nothingHere(ctx);
    const address = addressGroup(clientAddress(ctx.req)) ?? 'unknown';
    const { allowed, resetSeconds } = await wrongTokens.look(address, MAX_WRONG_TOKENS);
    if (!allowed) {
      needs.onLimited();
      const detail = `Too many wrong tokens came from here. Wait ${resetSeconds} seconds.`;
      throw new Failure('rate-limited', detail, { retryAfterSeconds: resetSeconds });
    }
    // Digests are of one length, so the comparison says nothing of how much of the token was right.
    if (!timingSafeEqual(digest(given), expected)) {
      await wrongTokens.consume(address, MAX_WRONG_TOKENS);
      throw nothingHere(ctx);
    }
    await send(ctx, render);
  };
}

/** The same on a port of its own, which answers with nothing else. Who can reach it may read it. */
export function createMetricsApp(render: Render, log: Logger): Koa {
  const app = new Koa();
  app.use(problemResponses(log));
  app.use(async (ctx, next) => {
    if (ctx.path !== '/metrics') return next();
    if (ctx.method !== 'GET' && ctx.method !== 'HEAD') throw new Failure('method-not-allowed');
    await send(ctx, render);
  });
  return app;
}

async function send(ctx: Context, render: Render): Promise<void> {
  const { contentType, text } = await render();
  ctx.set('Cache-Control', 'no-store');
  ctx.body = text;
  ctx.set('Content-Type', contentType);
}

/** In the words for what is nowhere. */
function nothingHere(ctx: Context): Failure {
  return new Failure('not-found', `There is nothing at ${ctx.path.slice(0, 200)}.`);
}

function digest(token: string): Buffer {
  return createHash('sha256').update(token).digest();
}
