/** What nobody has caught: written to the log, and the process ends in order where it cannot be trusted any more. */
import type { Logger } from 'pino';

/**
 * A promise that nobody waits for has failed by itself: what it was part of is answered or tried again elsewhere, and the
 * server goes on. After an error out of nowhere Node cannot say what is half done, so the server drains and leaves; whoever
 * supervises it starts it again, and what was acknowledged is stored.
 * @param drain ends the server in order, within its own bound
 */
export function catchTheRest(log: Logger, drain: () => Promise<void>): void {
  let isLeaving = false;
  process.on('unhandledRejection', (err) => log.error({ err }, 'something failed that nobody waited for'));
  process.on('uncaughtException', (err) => {
    log.fatal({ err }, 'an error that nobody caught: the server drains and ends');
    if (isLeaving) return;
    isLeaving = true;
    process.exitCode = 1;
    void drain()
      .catch((error: unknown) => log.fatal({ err: error }, 'the server could not be drained'))
      .finally(() => process.exit(1));
  });
}
