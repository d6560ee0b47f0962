/** Keeps the faults of the chores where `chatdrop jobs` finds them: in the database, and in the log. */
import type { Logger } from 'pino';
import type { ChoreTable } from '../database/chore-table.ts';
import type { ChoreReport } from './periodic.ts';

type Needs = { chores: Pick<ChoreTable, 'failed' | 'recovered'>; log: Pick<Logger, 'error'>; now(): number };

/** Never throws: a database that is away must not end the chores. */
export function createReportChores({ chores, log, now }: Needs): ChoreReport {
  const unwritten = (chore: string) => (err: unknown) => log.error({ chore, err }, 'a fault could not be noted');
  return {
    async failed(chore, err, nextInMs) {
      log.error({ chore, err, nextInMs }, 'a chore failed; it runs again');
      await chores.failed(chore, String(err), now(), now() + nextInMs).catch(unwritten(chore));
    },
    async works(chore) {
      await chores.recovered(chore).catch(unwritten(chore));
    },
  };
}
