/** `POST /api/csp-reports/`: what browsers report of the pages' Content-Security-Policy goes into the log, and is answered with nothing. */
import type { Middleware } from 'koa';
import * as z from 'zod';
import { readJson } from './read-json.ts';
import type { SecurityLog } from './security-log.ts';

/** A browser may send several reports at once; what is longer is none of a page of ours. */
const MAX_BODY_BYTES = 16 * 1024;
const MAX_TEXT_CHARACTERS = 200;

export const POLICY_REPORTS_PATH = '/api/csp-reports';

const text = z.string().optional();
/** The older form, `application/csp-report`: what Firefox and WebKit send. */
const legacyReport = z.object({
  'csp-report': z.object({
    'document-uri': text,
    'effective-directive': text,
    'violated-directive': text,
    'blocked-uri': text,
    'source-file': text,
    'line-number': z.number().optional(),
  }),
});
/** The Reporting API's, `application/reports+json`. */
const reports = z.array(
  z.object({
    type: z.literal('csp-violation'),
    body: z.object({
      documentURL: text,
      effectiveDirective: text,
      blockedURL: text,
      sourceFile: text,
      lineNumber: z.number().nullish(),
    }),
  }),
);

type Report = Record<string, string | number>;

/** No caller: a browser sends neither token nor, from a foreign frame, the cookie. */
export function createPolicyReports({ securityLog }: { securityLog: Pick<SecurityLog, 'violated'> }): Middleware {
  return async (ctx) => {
    const [report] = readReports(await readJson(ctx.req, MAX_BODY_BYTES));
    if (report !== undefined) securityLog.violated(ctx.req, report);
    ctx.status = 204;
  };
}

function readReports(body: unknown): Report[] {
  const legacy = legacyReport.safeParse(body);
  if (legacy.success) {
    const said = legacy.data['csp-report'];
    return [
      shown({
        page: said['document-uri'],
        directive: said['effective-directive'] ?? said['violated-directive'],
        blocked: said['blocked-uri'],
        source: said['source-file'],
        line: said['line-number'],
      }),
    ];
  }
  const several = reports.safeParse(body);
  if (!several.success) return [];
  return several.data.map(({ body: said }) =>
    shown({
      page: said.documentURL,
      directive: said.effectiveDirective,
      blocked: said.blockedURL,
      source: said.sourceFile,
      line: said.lineNumber ?? undefined,
    }),
  );
}

/** Addresses without query and fragment, which may hold what is nobody's business. */
function shown(report: Record<string, string | number | undefined>): Report {
  return Object.fromEntries(
    Object.entries(report).flatMap(([name, value]) =>
      value === undefined
        ? []
        : [[name, typeof value === 'number' ? value : (value.split(/[?#]/, 1)[0] ?? '').slice(0, MAX_TEXT_CHARACTERS)]],
    ),
  );
}
