/** What the operator's page shows of now: how each part is, uploads on their way, what failed, what is stored. */
import { setTimeout as sleep } from 'node:timers/promises';
import type { Middleware } from 'koa';
import type { Health, LiveUpload, Overview } from '../contract/operator.ts';
import type { InfectionTable } from '../database/infection-table.ts';
import type { OverviewTable } from '../database/overview-table.ts';
import { dayOf, type StatisticsTable, weekOf } from '../database/statistics-table.ts';
import type { UploadRecord } from '../database/upload-table.ts';
import { Failure } from '../rules/failure.ts';
import { dateOf } from '../rules/statistics.ts';
import { publicUploadId } from '../rules/upload-id.ts';
import type { LiveOffsets } from '../sharing/live-offsets.ts';
import { keepBriefly } from './kept-briefly.ts';

/** A part of the server, and how to ask it whether it works. */
export type Inspected = {
  name: Health['parts'][number]['name'];
  /** What it is. */
  detail: string;
  /** Null: it is not used here. Throws, or says false, where it does not work. */
  look: (() => Promise<unknown>) | null;
};

type Needs = {
  version: string;
  parts: readonly Inspected[];
  disks(): Promise<Health['disks']>;
  overview: OverviewTable;
  statistics: Pick<StatisticsTable, 'failures' | 'storedByWeek'>;
  infections: Pick<InfectionTable, 'list'>;
  liveOffsets: Pick<LiveOffsets, 'of'>;
  isScanning: boolean;
  expirySeconds: number;
  now(): number;
  monotonicMs(): number;
};

/** The database counts no further. */
const MAX_COUNTED = 10_000;
const MAX_LISTED_UPLOADS = 50;
const MAX_LISTED_FAILURES = 20;
const MAX_LISTED_COMPANIES = 20;
const MAX_LISTED_INFECTIONS = 10;
/** What has not answered by then counts as away. */
const MAX_LOOK_MS = 3000;
/** Several may have the page open, and each asks every few seconds. */
const KEPT_MS = 2000;
/** What takes a look over rows of all companies, and changes slowly. */
const STORAGE_KEPT_MS = 30_000;
const FAILURE_DAYS = 7;
/** Ages of files, in weeks: up to each, and not up to the one before. */
const AGE_STEPS = [1, 4, 13, 26, 52, null] as const;

export type OverviewAdminRoutes = Record<'health' | 'overview', Middleware>;

export function createOverviewAdminRoutes(needs: Needs): OverviewAdminRoutes {
  const { now, monotonicMs } = needs;
  const startedAt = monotonicMs();
  const health = keepBriefly(KEPT_MS, monotonicMs, () => healthOf(needs, startedAt));
  const storage = keepBriefly(STORAGE_KEPT_MS, monotonicMs, () => storageOf(needs));
  const overview = keepBriefly(KEPT_MS, monotonicMs, async (): Promise<Overview> => {
    const [live, failures, stored, quarantine] = await Promise.all([
      liveOf(needs),
      failuresOf(needs),
      storage(),
      quarantineOf(needs),
    ]);
    return { at: timeOf(now()), live, failures, storage: stored, quarantine };
  });
  return {
    health: async (ctx) => {
      ctx.body = await health();
    },
    overview: async (ctx) => {
      ctx.body = await overview();
    },
  };
}

async function healthOf({ version, parts, disks, now, monotonicMs }: Needs, startedAt: number): Promise<Health> {
  const looked = await Promise.all(parts.map((part) => lookAt(part, monotonicMs)));
  return {
    at: timeOf(now()),
    version,
    uptime_seconds: Math.floor((monotonicMs() - startedAt) / 1000),
    parts: looked,
    disks: await disks().catch(() => []),
  };
}

async function lookAt({ name, detail, look }: Inspected, monotonicMs: () => number): Promise<Health['parts'][number]> {
  if (look === null) return { name, state: 'off', detail, ms: null };
  const startedAt = monotonicMs();
  const enough = new AbortController();
  const tooLong = sleep(MAX_LOOK_MS, 'no answer', { signal: enough.signal }).catch(() => 'no answer');
  try {
    const answer = await Promise.race([look(), tooLong]);
    if (answer === 'no answer') return away(`no answer within ${MAX_LOOK_MS / 1000} s`);
    if (answer === false) return away('it does not answer');
    return { name, state: 'works', detail, ms: Math.round(monotonicMs() - startedAt) };
  } catch (error) {
    // Of any other error nobody knows what is in it: the log has it.
    return away(error instanceof Failure ? error.message : 'it does not answer');
  } finally {
    enough.abort();
  }

  function away(reason: string): Health['parts'][number] {
    return { name, state: 'away', detail: `${detail}: ${reason}`, ms: null };
  }
}

async function liveOf(needs: Needs): Promise<Overview['live']> {
  const { overview } = needs;
  const [uploading, checking, owed, open] = await Promise.all([
    overview.count('open', MAX_COUNTED),
    overview.count('finishing', MAX_COUNTED),
    overview.newest('finishing', MAX_LISTED_UPLOADS),
    overview.newest('open', MAX_LISTED_UPLOADS),
  ]);
  const uploads = [...owed, ...open].slice(0, MAX_LISTED_UPLOADS).map((upload) => presentUpload(needs, upload));
  return { uploading, checking, uploads };
}

function presentUpload({ liveOffsets, expirySeconds, now }: Needs, upload: UploadRecord): LiveUpload {
  const isOpen = upload.state === 'open';
  return {
    id: publicUploadId(upload.id),
    company_id: upload.company,
    session_id: upload.session,
    uploader: upload.uploader,
    name: upload.name,
    mime_type: upload.mimeType ?? upload.declaredType,
    size: upload.sizeBytes,
    offset: isOpen ? liveOffsets.of(upload) : (upload.sizeBytes ?? upload.bytesReceived),
    state: isOpen ? 'uploading' : upload.lastError === null ? 'checking' : 'waiting',
    is_part: upload.concat === 'partial',
    created_at: timeOf(upload.createdAt),
    active_at: timeOf(Math.min(now(), Math.max(upload.createdAt, upload.expiresAt - expirySeconds * 1000))),
    last_error: upload.lastError,
  };
}

async function failuresOf({ overview, statistics, now }: Needs): Promise<Overview['failures']> {
  const toDay = dayOf(now());
  const fromDay = toDay - FAILURE_DAYS + 1;
  const [counted, latest] = await Promise.all([
    statistics.failures({ fromDay, toDay }),
    overview.newest('rejected', MAX_LISTED_FAILURES),
  ]);
  const days = Array.from({ length: FAILURE_DAYS }, (_, at) => {
    const refused: Record<string, number> = {};
    const ended = { aborted: 0, expired: 0 };
    for (const { day, measure, detail, total } of counted) {
      if (day !== fromDay + at) continue;
      if (measure === 'refused') refused[detail] = (refused[detail] ?? 0) + total;
      else ended[measure as 'aborted' | 'expired'] += total;
    }
    return { day: dateOf(fromDay + at), refused, cancelled: ended.aborted, expired: ended.expired };
  });
  return {
    days,
    latest: latest.map((upload) => ({
      id: publicUploadId(upload.id),
      company_id: upload.company,
      session_id: upload.session,
      uploader: upload.uploader,
      name: upload.name,
      size: upload.sizeBytes,
      code: upload.refusal?.code ?? '',
      created_at: timeOf(upload.createdAt),
    })),
  };
}

async function storageOf({ overview, statistics, now }: Needs): Promise<Overview['storage']> {
  const [held, companies, weeks] = await Promise.all([
    overview.held(),
    overview.largest(MAX_LISTED_COMPANIES),
    statistics.storedByWeek(),
  ]);
  const thisWeek = weekOf(now());
  let beyond = Number.NEGATIVE_INFINITY;
  const ages = AGE_STEPS.map((upTo) => {
    const age = { weeks: upTo, files: 0, bytes: 0 };
    for (const { week, files, bytes } of weeks) {
      const weeksAgo = thisWeek - week;
      if (weeksAgo < beyond || (upTo !== null && weeksAgo >= upTo)) continue;
      age.files += files;
      age.bytes += bytes;
    }
    beyond = upTo ?? beyond;
    return age;
  });
  return { bytes: held.bytes, companies_count: held.companies, companies, ages };
}

async function quarantineOf({ infections, isScanning }: Needs): Promise<Overview['quarantine']> {
  const found = await infections.list(MAX_LISTED_INFECTIONS);
  return {
    is_scanning: isScanning,
    infections: found.map(({ company, session, name, signature, sizeBytes, foundAt }) => ({
      company_id: company,
      session_id: session,
      name,
      signature,
      size: sizeBytes,
      found_at: timeOf(foundAt),
    })),
  };
}

function timeOf(ms: number): string {
  return new Date(ms).toISOString();
}
