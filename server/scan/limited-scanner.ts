/** A scanner that is asked a few questions at once: the others wait their turn, as far as the line goes. */
import { Failure } from '../rules/failure.ts';
import type { Scanner } from './scanner.ts';

type Limits = { maxAtOnce: number; maxWaiting: number };

const RETRY_AFTER_SECONDS = 5;

export function createLimitedScanner(scanner: Scanner, { maxAtOnce, maxWaiting }: Limits): Scanner {
  const line: (() => void)[] = [];
  let running = 0;
  /** A place that is given back goes to the first in the line. */
  const leave = () => {
    const next = line.shift();
    if (next === undefined) running -= 1;
    else next();
  };
  const enter = async (signal: AbortSignal) => {
    if (running < maxAtOnce) {
      running += 1;
      return;
    }
    if (line.length >= maxWaiting) throw busy('Too many files wait to be checked for viruses.');
    await new Promise<void>((resolve, reject) => {
      const turn = () => {
        signal.removeEventListener('abort', giveUp);
        resolve();
      };
      const giveUp = () => {
        line.splice(line.indexOf(turn), 1);
        reject(busy());
      };
      line.push(turn);
      signal.addEventListener('abort', giveUp, { once: true });
    });
  };
  return {
    async scan(subject, signal) {
      if (signal.aborted) throw busy();
      await enter(signal);
      try {
        return await scanner.scan(subject, signal);
      } finally {
        leave();
      }
    },
  };
}

function busy(detail?: string): Failure {
  return new Failure('scanner-unavailable', detail, { retryAfterSeconds: RETRY_AFTER_SECONDS });
}
