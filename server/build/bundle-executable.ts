/** Bundles the server into the one file that a single executable runs: everything in it, native addons by way of the unpacker. */
import { readFile } from 'node:fs/promises';
import { isBuiltin } from 'node:module';
import { join } from 'node:path';
import { build, type Metafile, type Plugin } from 'esbuild';
import type { LibraryName } from '../embedded/library-name.ts';
import { absentPackages } from './bundle-server.ts';

const project = join(import.meta.dirname, '../..');

/** What a module asks of its own place leads to the executable; and what would be looked for at run time is not there. */
const BANNER = `
const chatdropPlace = {
  url: require('node:url').pathToFileURL(process.execPath).href,
  filename: process.execPath,
  dirname: require('node:path').dirname(process.execPath),
};
function chatdropAbsent(name) {
  throw Object.assign(new Error(\`Cannot find module '\${name}'\`), { code: 'MODULE_NOT_FOUND' });
}`.trim();

/**
 * These import by names that they make at run time, for what is never used here: versions and headers of sharp's parts,
 * migrations from files (ours are a list), Drizzle, types of files on the disk. In the executable such a name would be
 * looked for where somebody else may have put something.
 */
const NAMES_AT_RUN_TIME =
  /\/(?:sharp\/dist\/(?:libvips|utility)\.cjs|knex\/lib\/migrations\/util\/import-file\.js|rate-limiter-flexible\/lib\/RateLimiterDrizzle\w*\.js|file-type\/source\/index\.js)$/;
const ASKED_BY_VARIABLE = /\b(?:require|import)\((?!['"])/g;

const nothingAtRunTime: Plugin = {
  name: 'nothing-at-run-time',
  setup({ onLoad }) {
    onLoad({ filter: NAMES_AT_RUN_TIME }, async ({ path }) => ({
      contents: (await readFile(path, 'utf8')).replaceAll(ASKED_BY_VARIABLE, 'chatdropAbsent('),
    }));
  },
};

/** Where a package asks for its addon, the library is unpacked and loaded. */
const nativeAddons: Plugin = {
  name: 'native-addons',
  setup({ onResolve, onLoad, resolve }) {
    onLoad({ filter: /\/better-sqlite3\/lib\/binding\.js$/ }, () => ({
      contents: `let addon;\nexports.getBinding = () => (addon ??= ${loading('sqlite')});`,
      resolveDir: project,
    }));
    // Its modules of the newer kind ask by a \`require\` of their own, which no bundler sees through.
    onResolve({ filter: /^sharp$/ }, ({ resolveDir, kind }) =>
      kind === 'require-call' ? undefined : resolve('sharp', { resolveDir, kind: 'require-call' }),
    );
    onLoad({ filter: /\/sharp\/dist\/sharp\.cjs$/ }, () => ({
      contents: `
        const addon = ${loading('sharp')};
        if (process.platform === 'linux' && process.arch === 'x64' && !addon._isUsingX64V2())
          throw new Error('the decoder of pictures needs a processor of the kind x86-64-v2');
        module.exports = addon;`,
      resolveDir: project,
    }));
  },
};

function loading(name: LibraryName): string {
  return `require('./server/embedded/load-library.ts').loadLibrary('${name}')`;
}

/** @throws when something cannot be resolved, or would be looked for in files where the executable runs */
export async function bundleExecutable(outfile: string): Promise<Metafile> {
  const { metafile } = await build({
    entryPoints: [join(project, 'server/chatdrop-executable.ts')],
    absWorkingDir: project,
    outfile,
    bundle: true,
    format: 'cjs',
    platform: 'node',
    target: 'node22.18',
    // The engine keeps it in memory: without other letters it takes one byte for each, and half without the space between words.
    charset: 'ascii',
    minifyWhitespace: true,
    lineLimit: 200,
    legalComments: 'none',
    banner: { js: BANNER },
    define: {
      'import.meta.url': 'chatdropPlace.url',
      'import.meta.filename': 'chatdropPlace.filename',
      'import.meta.dirname': 'chatdropPlace.dirname',
    },
    plugins: [absentPackages, nothingAtRunTime, nativeAddons],
    logOverride: {
      'unsupported-dynamic-import': 'error',
      'unsupported-require-call': 'error',
      'indirect-require': 'error',
    },
    metafile: true,
    logLevel: 'warning',
  });
  const left = Object.values(metafile.outputs)
    .flatMap(({ imports }) => imports)
    .filter(({ path, external }) => external === true && !isBuiltin(path));
  if (left.length > 0) throw new Error(`left outside: ${left.map(({ path }) => path).join(', ')}`);
  return metafile;
}
