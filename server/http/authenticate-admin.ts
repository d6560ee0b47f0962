/** Lets the operator in by `ADMIN_TOKEN`; without that setting the routes behind it do not exist. */
import { createHash, timingSafeEqual } from 'node:crypto';
import type { Middleware } from 'koa';
import proxyAddr from 'proxy-addr';
import { addressGroup } from '../rules/address-group.ts';
import { Failure } from '../rules/failure.ts';
import { bearerToken } from './authenticate.ts';
import type { ClientAddress } from './client-address.ts';
import type { CreateLimiter } from './limiter.ts';
import type { SecurityLog } from './security-log.ts';

type Needs = {
  adminToken: string | undefined;
  /** From which it may be used; undefined: from any. */
  addresses: readonly string[] | undefined;
  clientAddress: ClientAddress;
  createLimiter: CreateLimiter;
  securityLog: Pick<SecurityLog, 'operator'>;
};

/** Wrong tokens from one address; above it nobody there gets in until the minute is over, also with the right one. */
const MAX_WRONG_TOKENS = 20;
const WINDOW_SECONDS = 60;

/** Only a header opens these routes: no cookie, so that no page of another site can use what a browser holds. */
export function authenticateAdmin({
  adminToken,
  addresses,
  clientAddress,
  createLimiter,
  securityLog,
}: Needs): Middleware {
  const isAllowed = addresses === undefined ? () => true : proxyAddr.compile([...addresses]);
  const expected = adminToken === undefined ? null : digest(adminToken);
  const wrongTokens = createLimiter({ name: 'admin', windowSeconds: WINDOW_SECONDS });
  return async (ctx, next) => {
    if (expected === null) throw new Failure('not-found', 'There is no admin API: ADMIN_TOKEN is not set.');
    const client = clientAddress(ctx.req);
    if (!isAllowed(client, 0)) throw new Failure('forbidden', 'The admin API is not for this address.');
    const token = bearerToken(ctx);
    if (token === undefined) throw wrong();
    const address = addressGroup(client) ?? 'unknown';
    const { allowed, resetSeconds } = await wrongTokens.look(address, MAX_WRONG_TOKENS);
    if (!allowed)
      throw new Failure('rate-limited', `Too many wrong admin tokens came from here. Wait ${resetSeconds} seconds.`, {
        retryAfterSeconds: resetSeconds,
      });
    // Digests are of one length, so the comparison says nothing of how much of the token was right.
    if (!timingSafeEqual(digest(token), expected)) {
      await wrongTokens.consume(address, MAX_WRONG_TOKENS);
      throw wrong();
    }
    ctx.set('Cache-Control', 'no-store');
    const answered = securityLog.operator(ctx.req);
    ctx.res.once('close', () => answered(ctx.res.statusCode));
    await next();
  };
}

function wrong(): Failure {
  return new Failure('unauthenticated', 'Send the admin token: Authorization: Bearer …');
}

function digest(token: string): Buffer {
  return createHash('sha256').update(token).digest();
}
