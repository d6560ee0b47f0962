/** Sends stored bytes: ranges, conditions, and headers under which nothing that a user sent can run. */
import { create as contentDisposition } from 'content-disposition';
import type { Context } from 'koa';
import parseRange from 'range-parser';
import type { FileRecord } from '../database/chat-file-table.ts';
import { Failure } from '../rules/failure.ts';
import { shownAs } from '../rules/shown-as.ts';
import type { Disposition } from '../rules/signed-link.ts';
import type { FileStorage } from '../storage/file-storage.ts';

/** Nothing runs, nothing loads, no form, no frame: also for a type that a browser would like to open. */
const CONTENT_POLICY =
  "default-src 'none'; media-src 'self'; img-src 'self'; style-src 'unsafe-inline'; sandbox; frame-ancestors 'none'";

/**
 * A client that has taken no byte for this long is let go, and with it the open file. A player that was paused asks for the
 * rest by a range.
 */
const MAX_STALL_MS = 5 * 60_000;

/** How long an address of the store itself is good: it is followed at once. */
const LINK_SECONDS = 60;

/** `maxStallMs` is for tests. */
type Needs = { storage: Pick<FileStorage, 'open' | 'linkTo'>; maxStallMs?: number };
/** `maxAgeSeconds`: how long a browser may keep the answer. */
export type SendObject = (
  ctx: Context,
  file: FileRecord,
  disposition: Disposition,
  maxAgeSeconds: number,
) => Promise<void>;

/** RFC 9110: Range (one range), If-Range, If-None-Match, ETag, HEAD. @throws {Failure} `not-found`, `range-not-satisfiable` */
export function createSendObject({ storage, maxStallMs = MAX_STALL_MS }: Needs): SendObject {
  return async (ctx, file, disposition, maxAgeSeconds) => {
    const etag = `"${file.uploadId}"`;
    setHeaders(ctx, file, disposition, etag, maxAgeSeconds);
    if (
      ctx
        .get('If-None-Match')
        .split(/\s*,\s*/)
        .some((tag) => tag === '*' || tag.replace(/^W\//, '') === etag)
    ) {
      ctx.status = 304;
      return;
    }
    if (ctx.method === 'GET' && (await sendToStore(storage, ctx, file))) return;
    const object = await storage.open(file.storageKey, 'client');
    if (object === null) throw new Failure('not-found', 'The bytes of this file are gone.');
    try {
      const range = chosenRange(ctx, object.sizeBytes, etag, file.createdAt);
      const { start, end } = range ?? { start: 0, end: object.sizeBytes - 1 };
      ctx.status = range === null ? 200 : 206;
      if (range !== null) ctx.set('Content-Range', `bytes ${start}-${end}/${object.sizeBytes}`);
      ctx.length = Math.max(0, end - start + 1);
      if (ctx.method === 'HEAD' || object.sizeBytes === 0) {
        await object.close();
        if (ctx.method !== 'HEAD') ctx.body = '';
        return;
      }
      ctx.body = object.stream(start, end);
      // Node ends the connection then, and forgets the limit when the answer is over.
      ctx.res.setTimeout(maxStallMs);
      // Koa guesses a type for a stream that has none yet; ours stands.
      ctx.set('Content-Type', shownAs(file.mimeType, disposition).contentType);
    } catch (error) {
      await object.close();
      throw error;
    }
  };
}

/** What the answer does, for the audit; null where it is nothing, or a later piece of what was opened before. */
export function deedOfAnswer({ method, status, response }: Context): 'opened' | 'downloaded' | null {
  if (method !== 'GET' || ![200, 206, 302].includes(status)) return null;
  if (status === 206 && !response.get('Content-Range').startsWith('bytes 0-')) return null;
  // What the store sends is to be saved.
  return status !== 302 && response.get('Content-Disposition').startsWith('inline') ? 'opened' : 'downloaded';
}

/**
 * What is to be saved may come from the store itself, which cannot send our headers: nothing that a browser would open.
 * The address is good for whoever has it, so nobody may keep it. @returns false where the bytes go through here
 */
async function sendToStore(storage: Needs['storage'], ctx: Context, file: FileRecord): Promise<boolean> {
  const contentDisposition = ctx.response.get('Content-Disposition');
  if (!contentDisposition.startsWith('attachment')) return false;
  const { contentType } = shownAs(file.mimeType, 'attachment');
  const answer = { contentType, contentDisposition, expiresSeconds: LINK_SECONDS };
  const link = await storage.linkTo(file.storageKey, answer);
  if (link === null) return false;
  for (const header of ['Accept-Ranges', 'Content-Disposition', 'ETag', 'Last-Modified']) ctx.remove(header);
  ctx.set('Cache-Control', 'no-store');
  ctx.status = 302;
  ctx.set('Location', link);
  ctx.body = '';
  return true;
}

function setHeaders(ctx: Context, file: FileRecord, wanted: Disposition, etag: string, maxAgeSeconds: number): void {
  const { contentType, disposition } = shownAs(file.mimeType, wanted);
  ctx.set({
    'Content-Type': contentType,
    'Content-Disposition': contentDisposition(file.name, { type: disposition }),
    'Content-Security-Policy': CONTENT_POLICY,
    'X-Content-Type-Options': 'nosniff',
    'Referrer-Policy': 'no-referrer',
    'Accept-Ranges': 'bytes',
    // The bytes of a key never change; without an age the browser asks again, since the right to see them may end.
    'Cache-Control': maxAgeSeconds > 0 ? `private, max-age=${maxAgeSeconds}, immutable` : 'private, no-cache',
    ETag: etag,
    'Last-Modified': new Date(file.createdAt).toUTCString(),
  });
}

/** Null: the whole file. Several ranges at once are answered with the whole file, as RFC 9110 section 14.2 allows. */
function chosenRange(
  ctx: Context,
  sizeBytes: number,
  etag: string,
  createdAt: number,
): { start: number; end: number } | null {
  const header = ctx.get('Range');
  const condition = ctx.get('If-Range');
  // "A server MUST ignore a Range header field received with a request method […] for which range handling is not defined."
  if (ctx.method !== 'GET' || !/^bytes=/.test(header)) return null;
  if (condition !== '' && condition !== etag && condition !== new Date(createdAt).toUTCString()) return null;
  // "If the selected representation is shorter than the specified suffix-length, the entire representation is used."
  const suffix = /^bytes=\s*-(\d+)\s*$/.exec(header);
  if (suffix !== null && Number(suffix[1]) > sizeBytes && sizeBytes > 0) return { start: 0, end: sizeBytes - 1 };
  const ranges = parseRange(sizeBytes, header);
  if (ranges === -2 || (Array.isArray(ranges) && ranges.length > 1)) return null;
  const range = ranges === -1 ? undefined : ranges[0];
  if (range === undefined) {
    throw new Failure('range-not-satisfiable', undefined, { headers: { 'Content-Range': `bytes */${sizeBytes}` } });
  }
  return range;
}
