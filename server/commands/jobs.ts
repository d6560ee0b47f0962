/** `chatdrop jobs`: everything that is owed, and every chore that ever failed. */
import type { Job } from '../database/job-list.ts';
import { type Command, readArguments } from './command.ts';
import { readLimit } from './read-limit.ts';
import { printable, table } from './table.ts';
import { withTools } from './with-tools.ts';

const DEFAULT_LIMIT = '50';
const SHOWN_ERROR_CHARACTERS = 200;

export const jobs: Command = {
  summary: 'list what is owed: finishes, expiries, deletions; attempts and faults',
  help: `chatdrop jobs [--limit 50] [--json]

  Lists every job that is not done, with state (due, running, waiting), attempts, next attempt and last
  error, and every chore of the server that failed. Works beside a running server.

  --limit    at most so many of each kind, those tried most often first
  --json     for programs
`,
  async run(args, { print, config }) {
    const { flags } = readArguments(args, {
      limit: { type: 'string', default: DEFAULT_LIMIT },
      json: { type: 'boolean' },
    });
    const limit = readLimit(flags);
    return withTools(config(), { alone: false }, async (tools) => {
      const now = tools.now();
      const [counts, listed, chores] = await Promise.all([
        tools.jobs.count(now),
        tools.jobs.list(now, limit),
        tools.faults.list(),
      ]);
      const running = tools.isServerRunning();
      if (flags.json === true) {
        print(`${JSON.stringify({ server_running: running, counts, jobs: listed.map(wireJob), chores }, null, 2)}\n`);
        return 0;
      }
      const total = Object.values(counts).reduce((sum, count) => sum + count, 0);
      print(total === 0 ? 'Nothing is owed.\n' : table(HEADS, listed.map(rowOf)));
      if (total > listed.length) print(`… and ${total - listed.length} more.\n`);
      for (const { name, failures, failuresTotal, lastError, lastFailedAt } of chores) {
        const now = failures === 0 ? 'works again' : `fails, ${failures} times in a row`;
        const last = `last ${time(lastFailedAt)}: ${printable(short(lastError))}`;
        print(`chore “${name}” ${now} (${failuresTotal} in all, ${last})\n`);
      }
      if (!running && total > 0) print('No server is running: nothing of this is done before one is.\n');
      return 0;
    });
  },
};

const HEADS = ['JOB', 'KEY', 'STATE', 'ATTEMPTS', 'NEXT ATTEMPT', 'LAST ERROR'];

function rowOf({ kind, key, state, attempts, nextAttemptAt, lastError }: Job): string[] {
  return [kind, key, state, String(attempts), state === 'waiting' ? time(nextAttemptAt) : 'now', short(lastError)];
}

function wireJob({ kind, key, state, attempts, nextAttemptAt, lastError }: Job) {
  const next_attempt_at = nextAttemptAt === 0 ? null : time(nextAttemptAt);
  return { kind, key, state, attempts, next_attempt_at, last_error: lastError };
}

function time(ms: number): string {
  return new Date(ms).toISOString();
}

function short(error: string | null): string {
  return (error ?? '').slice(0, SHOWN_ERROR_CHARACTERS);
}
