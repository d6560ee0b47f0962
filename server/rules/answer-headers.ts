/** Headers of every answer, whoever gives it: an answer that needs others says so itself, and one that forgets is safe. */

/** Two years: browsers that have been here once come by TLS only, to this host and all below it. */
const HSTS_SECONDS = 2 * 365 * 24 * 60 * 60;

/** Nothing of an answer loads, runs, or is framed. Pages, and what users sent, have policies of their own. */
const NOTHING = "default-src 'none'; object-src 'none'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'";

/** `secure`: clients come by https. Over http browsers ignore Strict-Transport-Security, and no proxy may be there. */
export function answerHeaders({ secure }: { secure: boolean }): Record<string, string> {
  return {
    'X-Content-Type-Options': 'nosniff',
    'Content-Security-Policy': NOTHING,
    'Cross-Origin-Resource-Policy': 'same-origin',
    'Referrer-Policy': 'no-referrer',
    ...(secure ? { 'Strict-Transport-Security': `max-age=${HSTS_SECONDS}; includeSubDomains` } : {}),
  };
}

/** For answers that are written without Node's help, each line with its end. */
export function headerLines(headers: Readonly<Record<string, string | number>>): string {
  return Object.entries(headers)
    .map(([name, value]) => `${name}: ${value}\r\n`)
    .join('');
}
