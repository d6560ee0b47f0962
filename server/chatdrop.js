#!/usr/bin/env node
/** The entry: plain JavaScript that any Node can read. It makes sure of the right Node before anything native is loaded. */
import { spawn } from 'node:child_process';
import { existsSync } from 'node:fs';
import { fileURLToPath } from 'node:url';

const NEEDED_MAJOR = 22;
const NEEDED_MINOR = 18;
const EXIT_GRACE_MS = 200;
const WINDOWS = process.platform === 'win32';
const [major = 0, minor = 0] = process.versions.node.split('.').map(Number);

if (major > NEEDED_MAJOR || (major === NEEDED_MAJOR && minor >= NEEDED_MINOR)) {
  hideTypeScriptNotice();
  endWithReader();
  const { main } = await import('./main.ts');
  process.exitCode = await main(process.argv.slice(2), process.env);
  // The work is done: a timer that a library left ticking must not keep the process.
  setTimeout(() => process.exit(), EXIT_GRACE_MS).unref();
} else {
  startUnderOwnNode();
}

/** TypeScript is run as it stands, and the notice about that would greet every operator. Other warnings are shown. */
function hideTypeScriptNotice() {
  process.removeAllListeners('warning');
  process.on('warning', (warning) => {
    if (warning.name !== 'ExperimentalWarning') process.stderr.write(`${warning.stack ?? warning.message}\n`);
  });
}

/** A reader that has gone, such as `head`, is no fault to tell of, and there is nobody to print to. */
function endWithReader() {
  process.stdout.on('error', (error) => {
    if (error.code !== 'EPIPE') throw error;
    process.exit(1);
  });
}

/** An older Node on the PATH would die of a segmentation fault in better-sqlite3; the project brings its own. */
function startUnderOwnNode() {
  // From `server/`, or from where it is bundled to: `dist/server/`.
  const own = ['../', '../../']
    .map((up) => fileURLToPath(new URL(`${up}node_modules/.bin/node${WINDOWS ? '.cmd' : ''}`, import.meta.url)))
    .find((file) => existsSync(file));
  if (own === undefined) {
    process.stderr.write(
      `Chatdrop needs Node ${NEEDED_MAJOR}.${NEEDED_MINOR} or later; this is ${process.version}. Run: npm ci\n`,
    );
    process.exitCode = 1;
    return;
  }
  const child = spawn(own, [fileURLToPath(import.meta.url), ...process.argv.slice(2)], { stdio: 'inherit' });
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP']) process.on(signal, () => child.kill(signal));
  child.on('exit', (code, signal) => {
    process.exitCode = code ?? (signal === null ? 1 : 128);
  });
}
