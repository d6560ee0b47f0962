/** The command line: arguments and environment in, exit code out. 0 done, 1 failed, 2 wrong usage. */
import { constants } from 'node:os';
import packageJson from '../package.json' with { type: 'json' };
import { audit } from './commands/audit.ts';
import { backup } from './commands/backup.ts';
import { type Command, type Context, UsageError } from './commands/command.ts';
import { companyKeys } from './commands/company-keys.ts';
import { companyList } from './commands/company-list.ts';
import { companySet } from './commands/company-set.ts';
import { companyShow } from './commands/company-show.ts';
import { companyUnset } from './commands/company-unset.ts';
import { deleteCompany, deleteSession, deleteVisitor } from './commands/delete.ts';
import { deletions } from './commands/deletions.ts';
import { doctor } from './commands/doctor.ts';
import { exportSession, exportVisitor } from './commands/export.ts';
import { filesList } from './commands/files-list.ts';
import { filesRemove } from './commands/files-remove.ts';
import { filesVerify } from './commands/files-verify.ts';
import { importCommand } from './commands/import.ts';
import { infections } from './commands/infections.ts';
import { jobs } from './commands/jobs.ts';
import { licenses } from './commands/licenses.ts';
import { migrate } from './commands/migrate.ts';
import { migrateStorage } from './commands/migrate-storage.ts';
import { rescan } from './commands/rescan.ts';
import { restore } from './commands/restore.ts';
import { retention } from './commands/retention.ts';
import { serve } from './commands/serve.ts';
import { sweep } from './commands/sweep.ts';
import { token } from './commands/token.ts';
import {
  webhooksAdd,
  webhooksList,
  webhooksLog,
  webhooksRemove,
  webhooksResend,
  webhooksRotate,
  webhooksSet,
  webhooksTest,
} from './commands/webhooks.ts';
import { ConfigError, readConfig } from './config.ts';

/** By the words that call them. */
export const COMMANDS: ReadonlyMap<string, Command> = new Map([
  ['serve', serve],
  ['migrate', migrate],
  ['token', token],
  ['doctor', doctor],
  ['files list', filesList],
  ['files remove', filesRemove],
  ['files verify', filesVerify],
  ['company list', companyList],
  ['company show', companyShow],
  ['company set', companySet],
  ['company unset', companyUnset],
  ['company keys', companyKeys],
  ['webhooks list', webhooksList],
  ['webhooks add', webhooksAdd],
  ['webhooks set', webhooksSet],
  ['webhooks remove', webhooksRemove],
  ['webhooks rotate', webhooksRotate],
  ['webhooks test', webhooksTest],
  ['webhooks log', webhooksLog],
  ['webhooks resend', webhooksResend],
  ['migrate-storage', migrateStorage],
  ['import', importCommand],
  ['backup', backup],
  ['restore', restore],
  ['retention', retention],
  ['delete company', deleteCompany],
  ['delete session', deleteSession],
  ['delete visitor', deleteVisitor],
  ['export session', exportSession],
  ['export visitor', exportVisitor],
  ['deletions', deletions],
  ['audit', audit],
  ['rescan', rescan],
  ['infections', infections],
  ['jobs', jobs],
  ['sweep', sweep],
  ['licenses', licenses],
]);
const HELP_FLAGS = ['--help', '-h'];
const NAME_WIDTH = 15;
const END_SIGNALS = ['SIGINT', 'SIGTERM'] as const;
/**
 * Threads that wait for the disk, for libuv, which reads it when the first is wanted. A small file has two syncs under way, its
 * bytes' and its name's, and those that wait at the same time share one write of the file system's journal: of four threads,
 * Node's own number, few do. The twelve more take no memory to speak of.
 */
const DISK_THREADS = '16';
/** What a shell makes of an end by signal 0. */
const EXIT_BY_SIGNAL = 128;

export async function main(args: string[], env: NodeJS.ProcessEnv): Promise<number> {
  const called = { name: '' };
  // An operator's own number counts.
  env.UV_THREADPOOL_SIZE ??= DISK_THREADS;
  // Any other process is ended by a signal that nobody handles. The first one of a container is not.
  if (process.pid === 1) for (const signal of END_SIGNALS) process.on(signal, endBySignal);
  try {
    return await run(args, createContext(env), called);
  } catch (error) {
    if (error instanceof ConfigError) process.stderr.write(`These settings are wrong:\n${error.message}\n`);
    else if (error instanceof UsageError)
      process.stderr.write(`${error.message}\nSee: ${['chatdrop', called.name, '--help'].filter(Boolean).join(' ')}\n`);
    else process.stderr.write(`chatdrop: ${error instanceof Error ? error.message : String(error)}\n`);
    return error instanceof UsageError ? 2 : 1;
  }
}

/** `called.name` is the command as far as it was understood, for the hint of a usage error. */
async function run(args: string[], context: Context, called: { name: string }): Promise<number> {
  const [first = 'serve', second = ''] = args;
  if (HELP_FLAGS.includes(first)) return print(helpOfAll());
  if (first === '--version') return print(`${packageJson.version}\n`);
  const name = [`${first} ${second}`, first].find((words) => COMMANDS.has(words));
  if (name === undefined) return groupOf(first, second, called);
  called.name = name;
  const command = COMMANDS.get(name) as Command;
  const rest = args.slice(name.split(' ').length);
  const ownWords = rest.slice(0, rest.includes('--') ? rest.indexOf('--') : undefined);
  if (ownWords.some((word) => HELP_FLAGS.includes(word))) return print(command.help);
  return command.run(rest, context);
}

/** A first word that needs a second one: `files`. */
function groupOf(first: string, second: string, called: { name: string }): number {
  const members = [...COMMANDS].filter(([name]) => name.startsWith(`${first} `));
  if (members.length === 0) throw new UsageError(`There is no command “${first}”.`);
  if (HELP_FLAGS.includes(second)) return print(members.map(([, { help }]) => help).join('\n'));
  called.name = first;
  const choices = members.map(([name]) => name.slice(first.length + 1)).join(', ');
  throw new UsageError(`After “${first}” comes one of: ${choices}.`);
}

function helpOfAll(): string {
  const lines = [...COMMANDS].map(([name, { summary }]) => `  ${name.padEnd(NAME_WIDTH)} ${summary}`);
  return `chatdrop ${packageJson.version}: resumable file sharing for chats

${lines.join('\n')}

  chatdrop COMMAND --help says more of each; chatdrop --version. Exit codes: 0 done, 1 failed, 2 wrong usage.

Settings are environment variables; the README lists them. Without any, the server
listens on http://127.0.0.1:8001 in development mode, and keeps everything in ./data.
`;
}

function createContext(env: NodeJS.ProcessEnv): Context {
  return {
    print,
    output: takeOutput,
    input: () => process.stdin,
    note: (text) => void process.stderr.write(text),
    config: () => readConfig(env),
    signalled,
  };
}

/** Whoever writes bytes there is told when their reader leaves, and can clean up; otherwise the process ends at once. */
function takeOutput(): NodeJS.WriteStream {
  return process.stdout.removeAllListeners('error');
}

function print(text: string): number {
  process.stdout.write(text);
  return 0;
}

/** The first SIGINT or SIGTERM starts the drain, the second ends the process at once. */
function signalled(): Promise<string> {
  return new Promise((resolve) => {
    for (const signal of END_SIGNALS) {
      process.off(signal, endBySignal);
      process.once(signal, () => {
        process.once(signal, () => process.exit(1));
        resolve(signal);
      });
    }
  });
}

function endBySignal(signal: NodeJS.Signals): void {
  process.exit(EXIT_BY_SIGNAL + constants.signals[signal]);
}
