/** The server as it is shipped, bundled anew before each run: a start costs a third of what the sources cost, and there are hundreds. */
import { join, resolve } from 'node:path';
import type { TestProject } from 'vitest/node';
import { buildServer } from '../../server/build/build-server.ts';

const DIST = join(import.meta.dirname, '../../dist');
/** With a fault built in. */
const VARIANTS = ['crashing-server', 'failing-server'] as const;
const building = Symbol.for('chatdrop: the bundled server');

/** `CHATDROP_EXECUTABLE=dist/chatdrop`: a single executable takes the place of the bundle, wherever a test changes nothing in it. */
export const EXECUTABLE =
  process.env.CHATDROP_EXECUTABLE === undefined ? undefined : resolve(process.env.CHATDROP_EXECUTABLE);

export const SERVER_ENTRY = join(DIST, 'server/chatdrop.js');

export function variantEntry(name: (typeof VARIANTS)[number]): string {
  return join(DIST, `test-${name}/chatdrop.js`);
}

/**
 * vitest's global setup, of each project: the first one begins to build, and the root's, which comes last, waits for it. What the
 * others start (PostgreSQL, an S3) starts meanwhile.
 */
export async function setup(project: Pick<TestProject, 'isRootProject'>): Promise<void> {
  const shared = globalThis as { [building]?: Promise<unknown> };
  shared[building] ??= Promise.all([
    buildServer(join(DIST, 'server')),
    ...VARIANTS.map((name) => buildServer(join(DIST, `test-${name}`), `test/services/${name}.ts`)),
  ]);
  // Whoever waits hears of a failure; until then it is nobody's.
  shared[building].catch(() => {});
  if (project.isRootProject()) await shared[building];
}
