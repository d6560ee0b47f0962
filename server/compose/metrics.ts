/** What is counted and measured, where somebody wants to see it; what counts it stands around the parts, not in them. */
import packageJson from '../../package.json' with { type: 'json' };
import type { Config } from '../config.ts';
import type { UploadTable } from '../database/upload-table.ts';
import type { CreateLimiter } from '../http/limiter.ts';
import type { CreationLimits } from '../http/rate-limit.ts';
import type { HttpMetrics, Transport } from '../metrics/http-metrics.ts';
import type { Metrics } from '../metrics/metrics.ts';
import { NO_METRICS } from '../metrics/no-metrics.ts';
import type { UploadMetrics, UploadWay } from '../metrics/upload-metrics.ts';
import type { SocketPlaces } from '../realtime/socket-places.ts';
import { isOverAllowance } from '../rules/allowance.ts';
import { Failure } from '../rules/failure.ts';
import type { Scanner } from '../scan/scanner.ts';
import type { AbortUpload } from '../sharing/abort-upload.ts';
import { isRefusal } from '../sharing/reject-upload.ts';
import type { ShareSmall } from '../sharing/share-small.ts';
import type { ReportProgress } from '../sharing/upload-progress.ts';

export type ComposedMetrics = Omit<Metrics, 'render'> & Partial<Pick<Metrics, 'render'>>;

/** Who does not ask for them does not wait for the library either. */
export async function composeMetrics(config: Config): Promise<ComposedMetrics> {
  const { metricsToken, metricsPort, development } = config;
  if (metricsToken === undefined && metricsPort === undefined && !development) return NO_METRICS;
  const { createMetrics } = await import('../metrics/metrics.ts');
  return createMetrics({ version: packageJson.version, now: Date.now });
}

export function countVerdicts(scanner: Scanner, { watch, parts }: Pick<Metrics, 'watch' | 'parts'>): Scanner {
  return {
    scan: (subject, signal) =>
      watch('scanner', 'scan', async () => {
        const verdict = await scanner.scan(subject, signal);
        parts.verdict(verdict.is);
        return verdict;
      }),
  };
}

export function countLimits(limits: CreationLimits, { limited }: Pick<HttpMetrics, 'limited'>): CreationLimits {
  const counted = async (limit: 'uploads' | 'parts', work: Promise<void>) => {
    await work.catch((error: unknown) => {
      if (error instanceof Failure && error.code === 'rate-limited') limited(limit);
      throw error;
    });
  };
  return {
    ...limits,
    countCreation: (caller, address) => counted('uploads', limits.countCreation(caller, address)),
    countPartial: (caller, address) => counted('parts', limits.countPartial(caller, address)),
  };
}

/** Of the operator's token: who guesses too often is only looked at. */
export function countGuesses(create: CreateLimiter, { limited }: Pick<HttpMetrics, 'limited'>): CreateLimiter {
  return (options) => {
    const limiter = create(options);
    return {
      ...limiter,
      async look(key, points) {
        const count = await limiter.look(key, points);
        if (!count.allowed) limited('admin_token');
        return count;
      },
    };
  };
}

export function countPlaces(
  places: SocketPlaces,
  transport: Transport,
  http: Pick<HttpMetrics, 'socketOpened'>,
): SocketPlaces {
  return {
    take(caller) {
      const giveBack = places.take(caller);
      const closed = http.socketOpened(transport);
      let isOpen = true;
      return () => {
        giveBack();
        if (isOpen) closed();
        isOpen = false;
      };
    },
  };
}

/** What is refused here is refused at its creation; a final upload is told by its id. `wayOf`: null where it has not begun yet. */
export function countAccepted<A extends unknown[], T>(
  accept: (...args: A) => Promise<T>,
  wayOf: (...args: A) => UploadWay | null,
  { started, refused }: Pick<UploadMetrics, 'started' | 'refused'>,
): (...args: A) => Promise<T> {
  return async (...args) => {
    try {
      const accepted = await accept(...args);
      const way = wayOf(...args);
      if (way !== null) started(way);
      return accepted;
    } catch (error) {
      if (error instanceof Failure) refused(error.code);
      throw error;
    }
  };
}

/** A small file begins, and is refused or shared, in one call; those that take another way begin there. */
export function countSmall(
  shareSmall: ShareSmall,
  { started, refused, received }: Pick<UploadMetrics, 'started' | 'refused' | 'received'>,
  noteRefusal: (company: string, error: unknown) => void,
): ShareSmall {
  return {
    ...shareSmall,
    async create(announced, bytes) {
      try {
        const fileId = await shareSmall.create(announced, bytes);
        if (fileId !== null) started('tus');
        if (fileId !== null) received(bytes.length);
        return fileId;
      } catch (error) {
        // Refused by its bytes, it began, and its row is what is counted.
        if (isRefusal(error)) started('tus');
        else if (isOverAllowance(error)) {
          refused(error.code);
          noteRefusal(announced.upload.company, error);
        }
        throw error;
      }
    },
    async complete(upload, bytes) {
      const fileId = await shareSmall.complete(upload, bytes);
      if (fileId !== null) received(bytes.length);
      return fileId;
    },
  };
}

/** By its bytes: the row is what says that it is refused, once. */
export function countRejected<T extends Pick<UploadTable, 'reject'>>(
  uploads: T,
  { refused }: Pick<UploadMetrics, 'refused'>,
): T {
  const reject: UploadTable['reject'] = async (transaction, id, refusal) => {
    const moved = await uploads.reject(transaction, id, refusal);
    if (moved) refused(refusal.code);
    return moved;
  };
  return { ...uploads, reject };
}

/** The bytes of an upload were noted last when its expiry was set. */
export function countFinished(
  report: ReportProgress,
  expirySeconds: number,
  { finished }: Pick<UploadMetrics, 'finished'>,
): ReportProgress {
  return (upload, offset, state) => {
    if (state === 'done') finished(upload, upload.expiresAt - expirySeconds * 1000);
    report(upload, offset, state);
  };
}

export function countEnded(abort: AbortUpload, { ended }: Pick<UploadMetrics, 'ended'>): AbortUpload {
  return async (upload, why) => {
    const isEnded = await abort(upload, why);
    if (isEnded) ended(why);
    return isEnded;
  };
}
