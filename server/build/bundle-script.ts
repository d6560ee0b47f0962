/** Bundles the server into one script with everything in it, as `prepared/load-script.ts` runs it. */
import { createHash } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { isBuiltin } from 'node:module';
import { join } from 'node:path';
import { type BuildOptions, build, type Metafile, type Plugin } from 'esbuild';
import { SCRIPT_WRAPPER } from '../prepared/load-script.ts';
import { absentPackages } from './absent-packages.ts';
import { makeFirstTables } from './first-tables.ts';
import { laterTypes, noLineNumbers } from './lighter-start.ts';

const project = join(import.meta.dirname, '../..');

/** What a module asks of its own place leads to the script, or to the executable that carries it. */
const PLACE = `
const chatdropPlace = { url: require('node:url').pathToFileURL(__filename).href, filename: __filename, dirname: __dirname };
function chatdropAbsent(name) {
  throw Object.assign(new Error(\`Cannot find module '\${name}'\`), { code: 'MODULE_NOT_FOUND' });
}`.trim();

/**
 * These import by names that they make at run time, for what is never used here: versions and headers of sharp's parts,
 * migrations from files (ours are a list), Drizzle, types of files on the disk. Such a name would be looked
 * for where somebody else may have put something.
 */
const NAMES_AT_RUN_TIME =
  /[\\/](?:sharp[\\/]dist[\\/](?:libvips|utility)\.cjs|knex[\\/]lib[\\/]migrations[\\/]util[\\/]import-file\.js|rate-limiter-flexible[\\/]lib[\\/]RateLimiterDrizzle\w*\.js|file-type[\\/]source[\\/]index\.js)$/;
const ASKED_BY_VARIABLE = /\b(?:require|import)\((?!['"])/g;

const nothingAtRunTime: Plugin = {
  name: 'nothing-at-run-time',
  setup({ onLoad }) {
    onLoad({ filter: NAMES_AT_RUN_TIME }, async ({ path }) => ({
      contents: (await readFile(path, 'utf8')).replaceAll(ASKED_BY_VARIABLE, 'chatdropAbsent('),
    }));
  },
};

export type BundledScript = {
  code: string;
  /** Of the code, for names of files. */
  hash: string;
  metafile: Metafile;
};

/**
 * @param entry path from the project's folder
 * @param external packages that are found in files at run time
 * @throws when something cannot be resolved, or another package would be looked for in files
 */
export async function bundleScript(
  entry: string,
  { external = [], ...options }: Pick<BuildOptions, 'external' | 'plugins' | 'logOverride'>,
): Promise<BundledScript> {
  const { metafile, outputFiles } = await build({
    ...options,
    external,
    entryPoints: [join(project, entry)],
    absWorkingDir: project,
    outfile: join(project, 'dist/script.cjs'),
    write: false,
    bundle: true,
    // Not the newer kind: a part of Node that is imported there has all of its lazy parts loaded with it, fetch above all.
    format: 'cjs',
    platform: 'node',
    target: 'node22.18',
    supported: { 'dynamic-import': false },
    // The engine keeps it in memory: without other letters it takes one byte for each, and half without the space between words.
    charset: 'ascii',
    minifyWhitespace: true,
    lineLimit: 200,
    legalComments: 'none',
    banner: { js: `${SCRIPT_WRAPPER.head}\n${PLACE}` },
    footer: { js: SCRIPT_WRAPPER.foot },
    define: {
      'import.meta.url': 'chatdropPlace.url',
      'import.meta.filename': 'chatdropPlace.filename',
      'import.meta.dirname': 'chatdropPlace.dirname',
      CHATDROP_FIRST_TABLES: JSON.stringify(await makeFirstTables()),
    },
    plugins: [absentPackages, nothingAtRunTime, laterTypes, noLineNumbers, ...(options.plugins ?? [])],
    metafile: true,
    logLevel: 'warning',
  });
  const left = Object.values(metafile.outputs)
    .flatMap(({ imports }) => imports)
    .filter(({ path, external: isExternal }) => isExternal === true && !isBuiltin(path) && !external.includes(path));
  if (left.length > 0) throw new Error(`left outside: ${left.map(({ path }) => path).join(', ')}`);
  const code = outputFiles[0]?.text ?? '';
  return { code, hash: createHash('sha256').update(code).digest('hex').slice(0, 16), metafile };
}
