/** Is this Node new enough, and where is a better one? Plain JavaScript that any Node can read. */
const NEEDED_MAJOR = 22;
const NEEDED_MINOR = 18;
const WINDOWS = process.platform === 'win32';

/**
 * Node 22 keeps what belongs to a request (its id in the log, its trace) by a hook that JavaScript runs for every promise; with
 * this it travels with the promise itself, as it does without being asked from Node 24 on. Without it all works the same, slower.
 */
export const CHEAP_CONTEXTS = '--experimental-async-context-frame';

export function hasRightNode() {
  const [major = 0, minor = 0] = process.versions.node.split('.').map(Number);
  return major > NEEDED_MAJOR || (major === NEEDED_MAJOR && minor >= NEEDED_MINOR);
}

/** TypeScript is run as it stands, and the notice about that would greet every operator. Other warnings are shown. */
export function hideTypeScriptNotice() {
  process.removeAllListeners('warning');
  process.on('warning', (warning) => {
    if (warning.name !== 'ExperimentalWarning') process.stderr.write(`${warning.stack ?? warning.message}\n`);
  });
}

/**
 * An older Node on the PATH would die of a segmentation fault in better-sqlite3; the project brings its own.
 * @param entry path of the script that was started
 */
export async function startUnderOwnNode(entry) {
  // Only here: a start under the right Node does without them.
  const [{ spawn }, { existsSync }, path] = await Promise.all([
    import('node:child_process'),
    import('node:fs'),
    import('node:path'),
  ]);
  // From `server/`, or from where it is bundled to: `dist/server/`.
  const own = ['..', '../..']
    .map((up) => path.join(path.dirname(entry), up, `node_modules/.bin/node${WINDOWS ? '.cmd' : ''}`))
    .find((file) => existsSync(file));
  if (own === undefined) {
    process.stderr.write(
      `Chatdrop needs Node ${NEEDED_MAJOR}.${NEEDED_MINOR} or later; this is ${process.version}. Run: npm ci\n`,
    );
    process.exitCode = 1;
    return;
  }
  const child = spawn(own, [CHEAP_CONTEXTS, entry, ...process.argv.slice(2)], { stdio: 'inherit' });
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP']) process.on(signal, () => child.kill(signal));
  child.on('exit', (code, signal) => {
    process.exitCode = code ?? (signal === null ? 1 : 128);
  });
}
