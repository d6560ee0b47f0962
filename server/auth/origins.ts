/** Which pages may connect, and which host names the server answers for. */
import type { IncomingHttpHeaders } from 'node:http';

export type Origins = {
  /** Whether a page of this origin may use the API. `host`: the request's Host header. */
  isAllowedOrigin(origin: string, host: string | undefined): boolean;
  /** Whose page sent a request that carries a cookie; `none`: no page, or a browser that does not say. */
  pageOf(headers: IncomingHttpHeaders): 'ours' | 'foreign' | 'none';
  /** False for a request under a foreign name: DNS rebinding against a server without a key. */
  isAllowedHost(host: string | undefined): boolean;
  /** Whether a request is for the origin that holds users' files and nothing else. */
  isFilesHost(host: string | undefined): boolean;
};

type OriginRules = {
  allowedOrigins: readonly string[];
  publicUrl: string | undefined;
  filesOrigin?: string | undefined;
  development: boolean;
};

const LOOPBACK = /^(?:localhost|[a-z0-9-]+\.localhost|127\.0\.0\.1|\[::1\])(?::\d{1,5})?$/i;

export function createOrigins({ allowedOrigins, publicUrl, filesOrigin, development }: OriginRules): Origins {
  const named = new Set(allowedOrigins);
  if (publicUrl !== undefined) named.add(new URL(publicUrl).origin);
  const isAllowedOrigin = (origin: string, host: string | undefined) =>
    named.has(origin) || (publicUrl === undefined && isOwn(origin, host));
  const isFilesHost = (host: string | undefined) =>
    filesOrigin !== undefined && host !== undefined && isHostOf(filesOrigin, host);
  return {
    isAllowedOrigin,
    pageOf: ({ origin, host, 'sec-fetch-site': site }) => {
      if (origin !== undefined) return isAllowedOrigin(origin, host) ? 'ours' : 'foreign';
      // Browsers leave Origin out of a GET to the page's own server, and say this instead. No script can set either.
      if (site === 'same-origin') return 'ours';
      return site === undefined || site === 'none' ? 'none' : 'foreign';
    },
    isFilesHost,
    isAllowedHost: (host) => !isFilesHost(host) && (!development || (host !== undefined && LOOPBACK.test(host))),
  };
}

/** With or without the port that the scheme implies. */
function isHostOf(origin: string, host: string): boolean {
  const { protocol, host: named } = new URL(origin);
  const shown = `${protocol}//${host}`;
  return URL.canParse(shown) && new URL(shown).host === named;
}

function isOwn(origin: string, host: string | undefined): boolean {
  return host !== undefined && (origin === `http://${host}` || origin === `https://${host}`);
}
