#!/usr/bin/env node
/** The entry: plain JavaScript that any Node can read. It makes sure of the right Node before anything native is loaded. */
import { spawn } from 'node:child_process';
import { existsSync } from 'node:fs';
import { fileURLToPath } from 'node:url';

const NEEDED_MAJOR = 22;
const NEEDED_MINOR = 18;
const WINDOWS = process.platform === 'win32';
const [major = 0, minor = 0] = process.versions.node.split('.').map(Number);

if (major > NEEDED_MAJOR || (major === NEEDED_MAJOR && minor >= NEEDED_MINOR)) {
  hideTypeScriptNotice();
  const { runMain } = await import('./run-main.ts');
  await runMain();
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
