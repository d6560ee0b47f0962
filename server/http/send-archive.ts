/** Sends an archive of what users sent, made while it goes out: headers under which nothing in it can run, and a bound on how many at once. */
import { create as contentDisposition } from 'content-disposition';
import type { Context } from 'koa';
import { Failure } from '../rules/failure.ts';
import type { ArchiveFiles, ArchiveRequest } from '../sharing/archive-files.ts';

/** `maxStallMs` and `maxAtOnce` are for tests. */
type Needs = { archiveFiles: ArchiveFiles; maxStallMs?: number; maxAtOnce?: number };

/** Each reads from the store as fast as its client takes it. */
const MAX_AT_ONCE = 20;
const MAX_OF_COMPANY = 4;
/** A client that has taken no byte for this long is let go. */
const MAX_STALL_MS = 5 * 60_000;
const RETRY_AFTER_SECONDS = 30;
const CONTENT_POLICY = "default-src 'none'; sandbox; frame-ancestors 'none'";

/** @throws {Failure} `rate-limited` when too many are under way on this node */
export type SendArchive = (ctx: Context, request: ArchiveRequest) => void;

export function createSendArchive({ archiveFiles, maxStallMs = MAX_STALL_MS, maxAtOnce }: Needs): SendArchive {
  /** Of each company. */
  const underWay = new Map<string, number>();
  let total = 0;
  const count = (company: string, by: 1 | -1) => {
    total += by;
    const ofCompany = (underWay.get(company) ?? 0) + by;
    if (ofCompany > 0) underWay.set(company, ofCompany);
    else underWay.delete(company);
  };
  return (ctx, request) => {
    const { company, session } = request;
    if (total >= (maxAtOnce ?? MAX_AT_ONCE) || (underWay.get(company) ?? 0) >= MAX_OF_COMPANY)
      throw new Failure('rate-limited', 'Many archives are being made right now. Try again in a moment.', {
        retryAfterSeconds: RETRY_AFTER_SECONDS,
      });
    ctx.set({
      'Content-Disposition': contentDisposition(`${session}.zip`, { type: 'attachment' }),
      'Content-Security-Policy': CONTENT_POLICY,
      'X-Content-Type-Options': 'nosniff',
      'Referrer-Policy': 'no-referrer',
      // What is in it may be removed a moment later.
      'Cache-Control': 'no-store',
    });
    ctx.status = 200;
    ctx.type = 'application/zip';
    if (ctx.method === 'HEAD') return;
    const archive = archiveFiles(request);
    count(company, 1);
    archive.once('close', () => count(company, -1));
    ctx.res.setTimeout(maxStallMs);
    ctx.body = archive;
    ctx.type = 'application/zip';
  };
}
