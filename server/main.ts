/** The command line: arguments and environment in, exit code out. 0 done, 1 failed, 2 wrong usage. */
import path from 'node:path';
import { parseArgs } from 'node:util';
import { type Logger, pino } from 'pino';
import { MIGRATIONS } from '../migrations/index.ts';
import packageJson from '../package.json' with { type: 'json' };
import { readAssets } from './assets.ts';
import { developmentSecret } from './auth/development-secret.ts';
import { signToken } from './auth/sign-token.ts';
import { compose, ownedFolders } from './compose.ts';
import { type Config, ConfigError, readConfig } from './config.ts';
import { readDuration } from './config-values.ts';
import { takeInstanceLock } from './database/instance-lock.ts';
import { migrate, openDatabase, rollback } from './database/open-database.ts';
import { isScopeId } from './rules/participant.ts';

const HELP = `chatdrop ${packageJson.version}: resumable file sharing for chats

  chatdrop [serve]                 migrate the database, then serve (the default)
  chatdrop migrate [--down]        bring the database up to date, or take the newest batch back
  chatdrop token --company ID --role user --session ID [--sub ID] [--expires 1h]
  chatdrop token --company ID --role agent --sub ID [--session ID] [--expires 1h]
                                   print a token signed with JWT_SECRET, or in development mode
  chatdrop --help | --version

Settings are environment variables; the README lists them. Without any, the server
listens on http://127.0.0.1:8001 in development mode, and keeps everything in ./data.
`;

/** Wrong words on the command line: exit code 2. */
class UsageError extends Error {}

export async function main(args: string[], env: NodeJS.ProcessEnv): Promise<number> {
  try {
    return await run(args, env);
  } catch (error) {
    if (error instanceof ConfigError) process.stderr.write(`These settings are wrong:\n${error.message}\n`);
    else if (error instanceof UsageError) process.stderr.write(`${error.message}\nSee: chatdrop --help\n`);
    else process.stderr.write(`chatdrop: ${error instanceof Error ? error.message : String(error)}\n`);
    return error instanceof UsageError ? 2 : 1;
  }
}

async function run(args: string[], env: NodeJS.ProcessEnv): Promise<number> {
  const [command = 'serve', ...rest] = args[0]?.startsWith('--') ? [args[0], ...args.slice(1)] : args;
  if (command === '--help') return print(HELP);
  if (command === '--version') return print(`${packageJson.version}\n`);
  if (command === 'serve') return serve(rest, readConfig(env));
  if (command === 'migrate') return runMigrations(rest, readConfig(env));
  if (command === 'token') return printToken(rest, readConfig(env));
  throw new UsageError(`There is no command “${command}”.`);
}

function print(text: string): number {
  process.stdout.write(text);
  return 0;
}

async function serve(args: string[], config: Config): Promise<number> {
  readFlags(args, {});
  const log = createLog(config);
  const assets = readAssets(path.join(import.meta.dirname, '../dist/widget'));
  const server = await compose(config, log, assets);
  const url = await server.start();
  const stopped = signalled();
  greet(config, url);
  log.info(
    { url, development: config.development, dataDir: config.dataDir, version: packageJson.version },
    'listening',
  );
  const signal = await stopped;
  log.info({ signal }, 'draining: uploads keep what they have, files that are complete are recorded');
  await server.stop();
  log.info('stopped');
  return 0;
}

/** JSON lines on standard output; what could hold a token is never written. */
function createLog(config: Config): Logger {
  return pino({
    level: config.logLevel,
    base: null,
    redact: ['token', 'authorization', '*.token', '*.authorization', 'headers'],
  });
}

function greet(config: Config, url: string): void {
  for (const note of config.notes) process.stderr.write(`${note}\n`);
  if (!config.development) return;
  process.stderr.write(`
  Chatdrop is ready. Open the demo:  ${url}/demo/

  Development mode: no key is set, so a random one is used and only this machine can connect.
  Files and database: ${config.dataDir}
  Stop with Ctrl-C.

`);
}

/** The first SIGINT or SIGTERM starts the drain, the second ends the process at once. */
function signalled(): Promise<NodeJS.Signals> {
  return new Promise((resolve) => {
    for (const signal of ['SIGINT', 'SIGTERM'] as const) {
      process.once(signal, () => {
        process.once(signal, () => process.exit(1));
        resolve(signal);
      });
    }
  });
}

async function runMigrations(args: string[], config: Config): Promise<number> {
  const { down } = readFlags(args, { down: { type: 'boolean' } });
  const lock = takeInstanceLock(...ownedFolders(config));
  const database = openDatabase(config.databaseFile);
  try {
    const names = await (down === true ? rollback : migrate)(database, MIGRATIONS);
    return print(
      names.length === 0
        ? 'Nothing to do.\n'
        : `${names.map((name) => `${down ? 'down' : 'up'} ${name}`).join('\n')}\n`,
    );
  } finally {
    await database.destroy();
    lock.release();
  }
}

async function printToken(args: string[], config: Config): Promise<number> {
  const flags = readFlags(args, {
    company: { type: 'string' },
    role: { type: 'string' },
    session: { type: 'string' },
    sub: { type: 'string' },
    expires: { type: 'string', default: '1h' },
  }) as Record<string, string | undefined>;
  const { company, role, session, sub, expires } = flags;
  if (!isScopeId(company)) throw new UsageError('--company must be 1 to 64 letters, digits, “_” or “-”.');
  if (role !== 'user' && role !== 'agent') throw new UsageError('--role must be user or agent.');
  if (session !== undefined && !isScopeId(session))
    throw new UsageError('--session must be 1 to 64 letters, digits, “_” or “-”.');
  if (role === 'user' && session === undefined)
    throw new UsageError('A user token is bound to a session: give --session.');
  if (role === 'agent' && !sub) throw new UsageError('An agent token needs --sub, who the agent is.');
  const secret = config.development ? developmentSecret(config.dataDir) : config.jwtSecret;
  if (secret === undefined)
    throw new Error(
      'Only public keys are set (JWT_PUBLIC_KEY or JWT_JWKS_URL), and they cannot sign. ' +
        'Get the token from whoever holds the private key, or set JWT_SECRET beside them.',
    );
  const rules = { secret, issuer: config.jwtIssuer, audience: config.jwtAudience };
  return print(`${await signToken(rules, { company, role, session, subject: sub }, readLifetime(expires))}\n`);
}

function readLifetime(text: string | undefined): number {
  try {
    return readDuration(text ?? '');
  } catch {
    throw new UsageError('--expires must be a duration such as 30m, 1h or 7d.');
  }
}

type Flags = NonNullable<Parameters<typeof parseArgs>[0]>['options'];

function readFlags(args: string[], options: NonNullable<Flags>) {
  try {
    return parseArgs({ args, options, strict: true, allowPositionals: false }).values;
  } catch (error) {
    throw new UsageError((error as Error).message);
  }
}
