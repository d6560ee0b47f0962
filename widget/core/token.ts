/** The caller's token: handed over, fetched before it ends (once for all who wait), or none where the cookie speaks. */
import { claimsOf } from './claims.ts';
import { createObservable, type Observable } from './observable.ts';

/**
 * `expired`: nothing goes on until there is a new token or cookie; what waits goes on by itself then.
 * `refused`: the server will not have this caller at all.
 */
export type Access = 'ok' | 'expired' | 'refused';

export type GetToken = () => Promise<string> | string;

export type TokenSource = {
  access: Observable<Access>;
  /** A token that is good for a while; null where the cookie speaks; rejects when none can be had. */
  get(): Promise<string | null>;
  /** The server took this token (null: the cookie). */
  accepted(token: string | null): void;
  /** The server answered 401 to this token: the next `get` asks for another. `code` is the problem's. */
  refused(token: string | null, code: string | null): void;
  /** The page hands over a newer one. */
  set(token: string): void;
};

type Current = { token: string; renewAt: number; endsAt: number };

const RENEW_BEFORE_MS = 30_000;
const GET_TIMEOUT_MS = 20_000;
/** How long a token that still holds is used before a `getToken` that failed is asked again. */
const ASK_AGAIN_MS = 5000;
/** A token that ends on its way to the server is ordinary; this many in a row are not. */
const MAX_REFUSALS = 3;

/** `jwt` is used first, `getToken` from then on; it may be slow, fail, or hand out short-lived tokens. */
export function createTokenSource(needs: { jwt?: string | undefined; getToken?: GetToken | undefined }): TokenSource {
  const { getToken } = needs;
  const access = createObservable<Access>('ok');
  let current = needs.jwt ? currentOf(needs.jwt) : null;
  let usesCookie = current === null && getToken === undefined;
  let renewal: Promise<string> | null = null;
  let refusals = 0;

  async function renew(ask: GetToken): Promise<string> {
    try {
      const token: unknown = await withTimeout(Promise.resolve().then(ask));
      if (typeof token !== 'string' || token === '') throw new Error('getToken gave no token');
      current = currentOf(token);
      if (refusals < MAX_REFUSALS) access.set('ok');
      return token;
    } catch (error) {
      if (current && Date.now() < current.endsAt) {
        current.renewAt = Date.now() + ASK_AGAIN_MS;
        return current.token;
      }
      access.set('expired');
      throw error;
    }
  }

  return {
    access,
    async get() {
      if (usesCookie) return null;
      if (current && (getToken === undefined || Date.now() < current.renewAt)) return current.token;
      if (getToken === undefined) throw new Error('the token has ended, and there is no other');
      renewal ??= renew(getToken).finally(() => {
        renewal = null;
      });
      return await renewal;
    },
    accepted(token) {
      if (token !== null && token !== current?.token) return;
      refusals = 0;
      access.set('ok');
    },
    refused(token, code) {
      // Of an older one that is replaced by now nothing follows.
      if (token !== (current?.token ?? null)) return;
      current = null;
      refusals += 1;
      if (getToken !== undefined && refusals < MAX_REFUSALS) return;
      access.set(token === null || code === 'token-expired' ? 'expired' : 'refused');
    },
    set(token) {
      usesCookie = false;
      current = currentOf(token);
      refusals = 0;
      access.set('ok');
    },
  };
}

/**
 * How long to use a token before asking for the next. Never zero: with a wrong clock, or with tokens
 * that live three seconds, every request would otherwise renew.
 */
function currentOf(token: string): Current {
  const { exp, iat } = claimsOf(token);
  const now = Date.now();
  if (exp === null) return { token, renewAt: Number.POSITIVE_INFINITY, endsAt: Number.POSITIVE_INFINITY };
  let lifetimeMs = exp * 1000 - now;
  // A clock that runs wrong makes `exp` meaningless here; the token's own length does not depend on it.
  if (iat !== null && (lifetimeMs <= 0 || lifetimeMs > (exp - iat) * 1000)) lifetimeMs = (exp - iat) * 1000;
  const renewAt = now + Math.max(lifetimeMs - RENEW_BEFORE_MS, lifetimeMs / 2, 1000);
  return { token, renewAt, endsAt: now + lifetimeMs };
}

function withTimeout<T>(promise: Promise<T>): Promise<T> {
  return new Promise((resolve, reject) => {
    const timer = setTimeout(() => reject(new Error('no token within the time allowed')), GET_TIMEOUT_MS);
    promise.then(resolve, reject).finally(() => clearTimeout(timer));
  });
}
