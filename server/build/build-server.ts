/** Builds the server into `dist/server/`: a start reads two files instead of some two thousand, compiles nothing, and needs no package but sharp and the addon of SQLite's driver. */
import { mkdir, readFile, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { build, type Plugin } from 'esbuild';
import { preparedName, scriptName } from '../prepared/script-files.ts';
import { bundleScript } from './bundle-script.ts';
import { prepareScript } from './prepare-script.ts';

const project = join(import.meta.dirname, '../..');
/** Native, and found in node_modules. */
const NATIVE = ['sharp'];

/** Of SQLite's driver only the addon is found there: by its folder, since what a package exports takes Node long to look up. */
const addonInPackage: Plugin = {
  name: 'addon-in-package',
  setup({ onLoad }) {
    const find = `
const folders = require('node:module').createRequire(__filename).resolve.paths('better-sqlite3');
const lib = folders.map((folder) => require('node:path').join(folder, 'better-sqlite3/lib')).find(require('node:fs').existsSync);
if (lib === undefined) chatdropAbsent('better-sqlite3');
`;
    onLoad({ filter: /[\\/]better-sqlite3[\\/]lib[\\/]binding\.js$/ }, async ({ path }) => ({
      contents: find + (await readFile(path, 'utf8')).replaceAll('__dirname', 'lib'),
    }));
  },
};

export type BuiltServer = {
  /** What it is made of, paths from the project's folder. */
  inputs: string[];
  bytes: number;
};

/**
 * Into `outdir`, which is emptied first. It must lie in `dist/`: the server finds `dist/widget/` and `node_modules/` from where
 * it stands.
 * @param entry of a server with something of its own, from the project's folder; it may not wait at its top level
 * @throws when something cannot be resolved, or what was built does not start
 */
export async function buildServer(outdir: string, entry = 'server/built-main.ts'): Promise<BuiltServer> {
  const script = await bundleScript(entry, { external: NATIVE, plugins: [addonInPackage] });
  await rm(outdir, { recursive: true, force: true });
  await mkdir(outdir, { recursive: true });
  const file = join(outdir, scriptName(script.hash));
  await writeFile(file, script.code);
  // Node reads the rest of the project as the newer kind of modules.
  await writeFile(join(outdir, 'package.json'), '{"type":"commonjs"}\n');
  const entries = await build({
    entryPoints: [
      { in: join(project, 'server/chatdrop-built.ts'), out: 'chatdrop' },
      // A process that the server starts, which it finds beside itself.
      { in: join(project, 'server/pictures/preview-worker.ts'), out: 'preview-worker' },
    ],
    absWorkingDir: project,
    outdir,
    bundle: true,
    format: 'cjs',
    platform: 'node',
    // Any Node can read the entry, and say that it is too old.
    target: 'node14',
    charset: 'utf8',
    legalComments: 'none',
    define: { CHATDROP_SCRIPT_HASH: JSON.stringify(script.hash) },
    external: NATIVE,
    metafile: true,
    logLevel: 'warning',
  });
  await prepareScript({ script: file, into: join(outdir, preparedName(script.hash)), assets: null });
  return {
    inputs: [...Object.keys(script.metafile.inputs), ...Object.keys(entries.metafile.inputs)],
    bytes: script.code.length,
  };
}
