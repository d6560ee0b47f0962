/** Lets the operator in by `ADMIN_TOKEN`; without that setting the routes behind it do not exist. */
import { createHash, timingSafeEqual } from 'node:crypto';
import type { Middleware } from 'koa';
import { Failure } from '../rules/failure.ts';
import { bearerToken } from './authenticate.ts';

/** Only a header opens these routes: no cookie, so that no page of another site can use what a browser holds. */
export function authenticateAdmin(adminToken: string | undefined): Middleware {
  const expected = adminToken === undefined ? null : digest(adminToken);
  return async (ctx, next) => {
    if (expected === null) throw new Failure('not-found', 'There is no admin API: ADMIN_TOKEN is not set.');
    const token = bearerToken(ctx);
    // Digests are of one length, so the comparison says nothing of how much of the token was right.
    if (token === undefined || !timingSafeEqual(digest(token), expected))
      throw new Failure('unauthenticated', 'Send the admin token: Authorization: Bearer …');
    ctx.set('Cache-Control', 'no-store');
    await next();
  };
}

function digest(token: string): Buffer {
  return createHash('sha256').update(token).digest();
}
