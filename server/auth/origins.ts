/** Which pages may connect, and which host names the server answers for. */
import type { IncomingHttpHeaders } from 'node:http';

/**
 * Without a company, where it is not known yet, a page is allowed that any company allows: what the token says comes after
 * it, and then the question is asked again.
 */
export type Origins = {
  /** Whether a page of this origin may use the API. `host`: the request's Host header. */
  isAllowedOrigin(origin: string, host: string | undefined, company?: string): boolean;
  /** Whose page sent a request that carries a cookie; `none`: no page, or a browser that does not say. */
  pageOf(headers: IncomingHttpHeaders, company?: string): 'ours' | 'foreign' | 'none';
  /** False for a request under a foreign name: DNS rebinding against a server without a key. */
  isAllowedHost(host: string | undefined): boolean;
  /** Whether a request is for the origin that holds users' files and nothing else. */
  isFilesHost(host: string | undefined): boolean;
  /** Those that are named, besides the server's own. */
  namedFor(company: string): readonly string[];
};

type OriginRules = {
  allowedOrigins: readonly string[];
  publicUrl: string | undefined;
  filesOrigin?: string | undefined;
  development: boolean;
};
/** What companies name instead of `allowedOrigins`. */
type CompanyOrigins = {
  /** Undefined: it names none of its own. */
  originsOf(company: string): readonly string[] | undefined;
  isAnyOrigin(origin: string): boolean;
};

const NO_COMPANIES: CompanyOrigins = { originsOf: () => undefined, isAnyOrigin: () => false };
const LOOPBACK = /^(?:localhost|[a-z0-9-]+\.localhost|127\.0\.0\.1|\[::1\])(?::\d{1,5})?$/i;

export function createOrigins(
  { allowedOrigins, publicUrl, filesOrigin, development }: OriginRules,
  { originsOf, isAnyOrigin }: CompanyOrigins = NO_COMPANIES,
): Origins {
  const own = publicUrl === undefined ? null : new URL(publicUrl).origin;
  const ofSettings = new Set(allowedOrigins);
  const isNamed = (origin: string, company: string | undefined) => {
    if (company === undefined) return ofSettings.has(origin) || isAnyOrigin(origin);
    return originsOf(company)?.includes(origin) ?? ofSettings.has(origin);
  };
  const isAllowedOrigin: Origins['isAllowedOrigin'] = (origin, host, company) =>
    (own === null ? isOwn(origin, host) : origin === own) || isNamed(origin, company);
  const isFilesHost = (host: string | undefined) =>
    filesOrigin !== undefined && host !== undefined && isHostOf(filesOrigin, host);
  return {
    isAllowedOrigin,
    pageOf: ({ origin, host, 'sec-fetch-site': site }, company) => {
      if (origin !== undefined) return isAllowedOrigin(origin, host, company) ? 'ours' : 'foreign';
      // Browsers leave Origin out of a GET to the page's own server, and say this instead. No script can set either.
      if (site === 'same-origin') return 'ours';
      return site === undefined || site === 'none' ? 'none' : 'foreign';
    },
    namedFor: (company) => originsOf(company) ?? allowedOrigins,
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
