/** The log of the server: JSON lines on standard output. */
import { type Logger, pino } from 'pino';
import type { Config } from '../config.ts';

/** What could hold a token is never written. */
export function createLog(config: Pick<Config, 'logLevel'>): Logger {
  return pino({
    level: config.logLevel,
    base: null,
    redact: ['token', 'authorization', '*.token', '*.authorization', 'headers'],
  });
}
