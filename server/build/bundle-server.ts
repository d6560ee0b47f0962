/** Bundles the server into a few JavaScript files: a start reads those instead of some two thousand, and needs no package but SQLite's driver and sharp. */
import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import { build, type Metafile, type Plugin } from 'esbuild';

const project = join(import.meta.dirname, '../..');

/** What knex, pg, ws, sharp, redis and tus ask for and can do without; a bundle says “not found”, as a folder without them would. */
const ABSENT =
  /^(?:@img\/sharp-.*|@node-rs\/xxhash|bufferutil|better-sqlite3\/.*|mariadb(?:\/callback)?|mysql2?|oracledb|pg-native|pg-query-stream|sqlite3|tedious|utf-8-validate)$/;

export const absentPackages: Plugin = {
  name: 'absent-packages',
  setup({ onResolve, onLoad }) {
    onResolve({ filter: ABSENT }, ({ path }) => ({ path, namespace: 'absent' }));
    onLoad({ filter: /.*/, namespace: 'absent' }, ({ path }) => {
      const message = JSON.stringify(`Cannot find module '${path}'`);
      return { contents: `throw Object.assign(new Error(${message}), { code: 'MODULE_NOT_FOUND' })` };
    });
  },
};

/** Processes that the server starts, each found beside the file that starts it. */
const WORKERS = { 'preview-worker': 'server/pictures/preview-worker.ts' };

/** Packages of the older kind are bundled into modules of the newer, where these three names are missing. */
const COMMONJS_NAMES = `
import { createRequire as chatdropCreateRequire } from 'node:module';
const require = chatdropCreateRequire(import.meta.url);
const { filename: __filename, dirname: __dirname } = import.meta;`.trim();

/**
 * Bundles `entries` (by the names of their files) into `outdir`, which is emptied first. Its folder must lie in `dist/`: a
 * bundle finds `dist/widget/` and `node_modules/` from where it stands.
 * @throws when something cannot be resolved
 */
export async function bundleServer(entries: Record<string, string>, outdir: string): Promise<Metafile> {
  await rm(outdir, { recursive: true, force: true });
  const { metafile } = await build({
    entryPoints: Object.entries({ ...entries, ...WORKERS }).map(([out, file]) => ({ in: join(project, file), out })),
    outdir,
    bundle: true,
    // What is imported only when it is needed stays in files of its own: the S3 and PostgreSQL clients.
    splitting: true,
    format: 'esm',
    platform: 'node',
    target: 'node22.18',
    chunkNames: '[name]-[hash]',
    charset: 'utf8',
    legalComments: 'none',
    banner: { js: COMMONJS_NAMES },
    // Native, and found in node_modules.
    external: ['better-sqlite3', 'sharp'],
    plugins: [absentPackages],
    metafile: true,
    logLevel: 'warning',
  });
  return metafile;
}
