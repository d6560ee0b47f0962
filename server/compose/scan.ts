import type { Logger } from 'pino';
import type { Config } from '../config.ts';
import { sizeInWords } from '../rules/size-words.ts';
import { createClamd } from '../scan/clamd.ts';
import { createLimitedScanner } from '../scan/limited-scanner.ts';
import { createScannerWatch } from '../scan/scanner-watch.ts';
import { type ComposedMetrics, countVerdicts } from './metrics.ts';

/** Of clamd's ten threads (`MaxThreads`), which other nodes want too. */
const MAX_SCANS_AT_ONCE = 4;
/** Each holds a request that waits, or a finish that is owed; one more is told to come back. */
const MAX_SCANS_WAITING = 1000;
/** That scans under way get at a shutdown: most take less, and would have to be done again. */
const SCANS_DRAIN_MS = 5_000;

/** The virus scanner, asked a few questions at a time. Null without `CLAMAV_URL`. */
export function composeScanner(
  { clamd: address, maxFileSizeBytes }: Config,
  log: Logger,
  draining: AbortSignal,
  metrics: ComposedMetrics,
) {
  if (address === undefined) return null;
  const clamd = createClamd(address);
  const stopping = new AbortController();
  draining.addEventListener('abort', () => setTimeout(() => stopping.abort(), SCANS_DRAIN_MS).unref(), { once: true });
  const watch = createScannerWatch({
    clamd,
    maxFileSizeBytes,
    onAway: (err) => log.warn({ err }, 'The virus scanner is away: files wait for it, and are shared when it is back'),
    onThere: (version) => log.info({ version }, 'The virus scanner is there'),
    onSmallLimit: (takenBytes) => log.warn({ takenBytes, maxFileSizeBytes }, smallLimit(takenBytes, maxFileSizeBytes)),
  });
  const limits = { maxAtOnce: MAX_SCANS_AT_ONCE, maxWaiting: MAX_SCANS_WAITING };
  return { scanner: createLimitedScanner(countVerdicts(clamd, metrics), limits), stopping: stopping.signal, watch };
}

function smallLimit(takenBytes: number, maxFileSizeBytes: number): string {
  const [taken, wanted] = [sizeInWords(takenBytes), sizeInWords(maxFileSizeBytes)];
  return `clamd takes files up to ${taken} (StreamMaxLength), and CHAT_MAX_FILE_SIZE is ${wanted}: larger ones are refused as unscannable. Raise StreamMaxLength, MaxFileSize and MaxScanSize in clamd.conf, or lower CHAT_MAX_FILE_SIZE.`;
}
