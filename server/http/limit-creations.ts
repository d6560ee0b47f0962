/** Stands before every route that starts an upload: notes the client's address, and says in the answer what the limits leave. */
import { CREATION_WINDOW_SECONDS } from '../rules/creation-limits.ts';
import type { Participant } from '../rules/participant.ts';
import type { CallerMiddleware } from './authenticate.ts';
import type { ClientAddress } from './client-address.ts';
import type { CreationLimits, LimitStanding } from './rate-limit.ts';

type Needs = { clientAddress: ClientAddress; limits: Pick<CreationLimits, 'standings'> };

/** Counts nothing itself: the use case does, once it knows that the request is a good one. */
export function limitCreations({ clientAddress, limits }: Needs): CallerMiddleware {
  return async (ctx, next) => {
    const address = clientAddress(ctx.req);
    ctx.state.address = address;
    try {
      await next();
    } finally {
      await sayStandings(limits, ctx.state.caller, address, ctx);
    }
  };
}

/** They only inform: a creation that was answered stays so when its limits cannot be read. */
export async function sayStandings(
  limits: Pick<CreationLimits, 'standings'>,
  caller: Participant,
  address: string,
  answer: { set(name: string, value: string): void },
): Promise<void> {
  const standings = await limits.standings(caller, address).catch(() => []);
  if (standings.length === 0) return;
  for (const [name, value] of Object.entries(rateLimitHeaders(standings))) answer.set(name, value);
}

/** draft-ietf-httpapi-ratelimit-headers-11, sections 3 and 4: lists of RFC 9651 strings with parameters. */
export function rateLimitHeaders(
  standings: readonly LimitStanding[],
): Record<'RateLimit' | 'RateLimit-Policy', string> {
  return {
    'RateLimit-Policy': standings
      .map(({ policy, quota }) => `"${policy}";q=${quota};w=${CREATION_WINDOW_SECONDS}`)
      .join(', '),
    RateLimit: standings
      .map(({ policy, remaining, resetSeconds }) => `"${policy}";r=${remaining};t=${resetSeconds}`)
      .join(', '),
  };
}
