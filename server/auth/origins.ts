/** Which pages may connect, and which host names the server answers for. */

export type Origins = {
  /** Whether a page of this origin may use the API. `host`: the request's Host header. */
  isAllowedOrigin(origin: string, host: string | undefined): boolean;
  /** False for a request under a foreign name: DNS rebinding against a server without a key. */
  isAllowedHost(host: string | undefined): boolean;
};

type OriginRules = { allowedOrigins: readonly string[]; publicUrl: string | undefined; development: boolean };

const LOOPBACK = /^(?:localhost|[a-z0-9-]+\.localhost|127\.0\.0\.1|\[::1\])(?::\d{1,5})?$/i;

export function createOrigins({ allowedOrigins, publicUrl, development }: OriginRules): Origins {
  const named = new Set(allowedOrigins);
  if (publicUrl !== undefined) named.add(new URL(publicUrl).origin);
  return {
    isAllowedOrigin: (origin, host) => named.has(origin) || (publicUrl === undefined && isOwn(origin, host)),
    isAllowedHost: (host) => !development || (host !== undefined && LOOPBACK.test(host)),
  };
}

function isOwn(origin: string, host: string | undefined): boolean {
  return host !== undefined && (origin === `http://${host}` || origin === `https://${host}`);
}
