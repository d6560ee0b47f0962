/** `chatdrop doctor`: looks at everything the server stands on, and says what to do. */
import { statSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import { composeInspection } from '../compose/tools.ts';
import type { Config } from '../config.ts';
import { type Command, type Context, readArguments } from './command.ts';
import { type Check, ill, messageOf, well } from './doctor/check.ts';
import { checkBucket } from './doctor/check-bucket.ts';
import { judgeClock } from './doctor/check-clock.ts';
import { checkDatabase } from './doctor/check-database.ts';
import { checkFolders } from './doctor/check-folders.ts';
import { checkPictures } from './doctor/check-pictures.ts';
import { checkScanner } from './doctor/check-scanner.ts';
import { checkServer } from './doctor/check-server.ts';
import { checkStorage } from './doctor/check-storage.ts';
import { printable } from './table.ts';

/** How long the two clocks are watched against each other. */
const WATCH_CLOCK_MS = 200;

export const doctor: Command = {
  summary: 'check settings, folders, database, storage, scanner, clock and server, and say what to do',
  help: `chatdrop doctor [--json]

  Checks the settings, the data folders, the database, the storage (a probe is written and deleted), the
  decoder of pictures, the virus scanner if there is one, the clock, the version of Node, and whether a
  running server answers on HOST:PORT. Run it with the environment that the server has, as its user;
  beside it or without one. Prints no secret. Exit code 1 when something is wrong.

  --json    for programs
`,
  async run(args, context) {
    const { flags } = readArguments(args, { json: { type: 'boolean' } });
    const checks = await examine(context);
    const ok = checks.every((check) => check.ok);
    context.print(flags.json === true ? `${JSON.stringify({ ok, checks }, null, 2)}\n` : checks.map(lineOf).join(''));
    return ok ? 0 : 1;
  },
};

function lineOf({ name, ok, detail, remedy }: Check): string {
  const line = `${ok ? '✓' : '✗'} ${printable(name)}: ${printable(detail)}\n`;
  return remedy === undefined ? line : `${line}    → ${remedy}\n`;
}

async function examine(context: Context): Promise<Check[]> {
  const node = well('node', `${process.version}, ${process.platform} ${process.arch}`);
  const settings = readSettings(context);
  if (settings.config === null) return [node, ...settings.checks];
  const { config } = settings;
  const parts = composeInspection(config);
  const folders = await checkFolders(config, parts.folders);
  const { postgresUrl, databasePoolSize: poolSize, mediaRoot } = config;
  const postgres = postgresUrl === undefined ? null : { poolSize };
  const database = await checkDatabase({ ...parts, name: parts.nameOfDatabase, postgres });
  const { bucket } = parts;
  // A bucket beside the disk is one that files are to be moved to, or were.
  const storage = config.store === 'local' ? [await checkStorage({ ...parts, mediaRoot })] : [];
  if (bucket !== null) storage.push(await checkBucket(bucket));
  const { scanner } = parts;
  const { maxFileSizeBytes } = config;
  const scanning = scanner === null ? [] : [await checkScanner({ scanner, maxFileSizeBytes })];
  const clock = judgeClock({ ...(await readClocks()), newestEntryAtMs: database.newestEntryAt });
  return [
    node,
    ...settings.checks,
    ...folders,
    ...database.checks,
    ...storage,
    await checkPictures(config, parts),
    ...scanning,
    clock,
    await checkServer(config, parts),
  ];
}

/** Every fault on a line of its own, with the example that is in it. */
function readSettings({ config }: Context): { checks: Check[]; config: Config | null } {
  try {
    const read = config();
    const mode = read.development ? 'development mode (no key is set): this machine only' : 'all understood';
    return { checks: [well('settings', [mode, ...read.notes].join('; '))], config: read };
  } catch (error) {
    const faults = messageOf(error).split('\n');
    const remedy = 'Correct the environment of the server; the README lists the settings.';
    return { checks: faults.map((fault) => ill('settings', fault.replace(/^- /, ''), remedy)), config: null };
  }
}

async function readClocks() {
  const wall = Date.now();
  const monotonic = performance.now();
  await sleep(WATCH_CLOCK_MS);
  const driftMs = Date.now() - wall - (performance.now() - monotonic);
  return { nowMs: Date.now(), installedAtMs: statSync(import.meta.filename).mtimeMs, driftMs };
}
