/** The log of the server: JSON lines on standard output. */
import { hostname } from 'node:os';
import { type Logger, pino } from 'pino';
import type { Config } from '../config.ts';

/** What could hold a token is never written. Times are of UTC, and say so. */
export function createLog(config: Pick<Config, 'logLevel'>, fields: () => object = () => ({})): Logger {
  return pino({
    level: config.logLevel,
    base: { host: hostname(), pid: process.pid },
    timestamp: pino.stdTimeFunctions.isoTime,
    // Of whatever the line is about.
    mixin: fields,
    serializers: { err: describe },
    redact: ['token', 'authorization', '*.token', '*.authorization', 'headers'],
  });
}

/** A database's fault also brings the row that it was about (`detail`), a store's the request: only what names the fault is taken. */
function describe(error: unknown): object | undefined {
  if (!(error instanceof Error)) return { message: String(error) };
  const { type, message, stack } = pino.stdSerializers.err(error);
  const { code, syscall } = error as NodeJS.ErrnoException;
  return { type, message, stack, code, syscall };
}
