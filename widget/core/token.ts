/** The caller's token: renewed before it ends, with one renewal for everybody who waits for it. */

export type TokenSource = {
  /** A token that is good for a while; rejects when none can be had. */
  get(): Promise<string>;
  /** Says that the server refused this token: the next `get` asks for another. */
  invalidate(token: string): void;
};

const RENEW_BEFORE_MS = 30_000;
const GET_TIMEOUT_MS = 20_000;

/** Wraps the page's own `getToken`, which may be slow, fail, or hand out short-lived tokens. */
export function createTokenSource(needs: { getToken: () => Promise<string> | string }): TokenSource {
  let current: { token: string; renewAt: number } | null = null;
  let renewal: Promise<string> | null = null;

  async function renew(): Promise<string> {
    const token = await withTimeout(Promise.resolve().then(needs.getToken));
    current = { token, renewAt: Date.now() + usableMs(token) };
    return token;
  }

  return {
    get() {
      if (current && Date.now() < current.renewAt) return Promise.resolve(current.token);
      renewal ??= renew().finally(() => {
        renewal = null;
      });
      return renewal;
    },
    invalidate(token) {
      if (current?.token === token) current = null;
    },
  };
}

/**
 * How long to use a token before asking for the next. Never zero: with a wrong clock, or with tokens
 * that live three seconds, every request would otherwise renew.
 */
function usableMs(token: string): number {
  const { exp, iat } = claimsOf(token);
  if (exp === null) return Number.POSITIVE_INFINITY;
  let lifetimeMs = exp * 1000 - Date.now();
  // A clock that runs wrong makes `exp` meaningless here; the token's own length does not depend on it.
  if (iat !== null && (lifetimeMs <= 0 || lifetimeMs > (exp - iat) * 1000)) lifetimeMs = (exp - iat) * 1000;
  return Math.max(lifetimeMs - RENEW_BEFORE_MS, lifetimeMs / 2, 1000);
}

function claimsOf(token: string): { exp: number | null; iat: number | null } {
  try {
    const payload = (token.split('.')[1] ?? '').replaceAll('-', '+').replaceAll('_', '/');
    const claims = JSON.parse(atob(payload)) as { exp?: unknown; iat?: unknown };
    return {
      exp: typeof claims.exp === 'number' ? claims.exp : null,
      iat: typeof claims.iat === 'number' ? claims.iat : null,
    };
  } catch {
    // Not a JWT that can be read here: the server will say when it has ended.
    return { exp: null, iat: null };
  }
}

function withTimeout(promise: Promise<string>): Promise<string> {
  return new Promise((resolve, reject) => {
    const timer = setTimeout(() => reject(new Error('no token within the time allowed')), GET_TIMEOUT_MS);
    promise.then(resolve, reject).finally(() => clearTimeout(timer));
  });
}
