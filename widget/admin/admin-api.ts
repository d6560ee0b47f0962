/** The operator's API, by the token that was typed in: it is held here, in memory, and nowhere else. */
import type { JobOverview } from '../../server/contract/admin.ts';
import type { Analytics, Health, Overview } from '../../server/contract/operator.ts';
import { type Answer, readAnswer } from '../core/answer.ts';

/** `answer` null: the server could not be reached, or did not answer in time. */
export class AdminError extends Error {
  readonly answer: Answer | null;
  constructor(answer: Answer | null) {
    super(answer?.detail ?? 'The server does not answer.');
    this.answer = answer;
  }
}

/** Days as `2026-11-28`, both in it. */
export type Range = { from: string; to: string; company: string | null };

const REQUEST_TIMEOUT_MS = 15_000;
/** A long range of many companies is written while it is read. */
const CSV_TIMEOUT_MS = 5 * 60_000;
const MAX_JOBS_OF_A_KIND = 10;

export type AdminApi = ReturnType<typeof createAdminApi>;

/** @throws {AdminError} from each call; an `AbortError` where `signal` ends it */
export function createAdminApi(token: string) {
  async function ask(path: string, signal?: AbortSignal, timeoutMs = REQUEST_TIMEOUT_MS): Promise<Response> {
    const stop = new AbortController();
    const abort = () => stop.abort();
    signal?.addEventListener('abort', abort);
    const timer = setTimeout(abort, timeoutMs);
    try {
      const headers = { Authorization: `Bearer ${token}` };
      const response = await fetch(path, { headers, signal: stop.signal, cache: 'no-store', credentials: 'omit' });
      // Read here, so that the time limit holds for all of it.
      const body = await response.blob();
      if (response.ok) return new Response(body, { headers: response.headers });
      throw new AdminError(readAnswer(response.status, response.headers.get('Retry-After'), await body.text()));
    } catch (error) {
      if (error instanceof AdminError || signal?.aborted) throw error;
      throw new AdminError(null);
    } finally {
      clearTimeout(timer);
      signal?.removeEventListener('abort', abort);
    }
  }

  async function read<T>(path: string, signal?: AbortSignal): Promise<T> {
    const response = await ask(path, signal);
    try {
      return (await response.json()) as T;
    } catch {
      // A proxy's page, with the status of an answer.
      throw new AdminError(null);
    }
  }

  return {
    health: (signal?: AbortSignal) => read<Health>('/api/admin/health/', signal),
    overview: (signal?: AbortSignal) => read<Overview>('/api/admin/overview/', signal),
    jobs: (signal?: AbortSignal) => read<JobOverview>(`/api/admin/jobs/?limit=${MAX_JOBS_OF_A_KIND}`, signal),
    analytics: (range: Range, signal?: AbortSignal) =>
      read<Analytics>(`/api/admin/analytics/?${queryOf(range)}`, signal),
    csv: async (range: Range) =>
      (await ask(`/api/admin/analytics.csv?${queryOf(range)}`, undefined, CSV_TIMEOUT_MS)).blob(),
  };
}

function queryOf({ from, to, company }: Range): string {
  return new URLSearchParams({ from, to, ...(company !== null && { company_id: company }) }).toString();
}
