/** Bundles the server into the script that a single executable runs: everything in it, native addons by way of the unpacker. */
import { join } from 'node:path';
import type { Plugin } from 'esbuild';
import type { LibraryName } from '../embedded/library-name.ts';
import { type BundledScript, bundleScript } from './bundle-script.ts';

const project = join(import.meta.dirname, '../..');

/** Where a package asks for its addon, the library is unpacked and loaded. */
const nativeAddons: Plugin = {
  name: 'native-addons',
  setup({ onResolve, onLoad, resolve }) {
    onLoad({ filter: /[\\/]better-sqlite3[\\/]lib[\\/]binding\.js$/ }, () => ({
      contents: `let addon;\nexports.getBinding = () => (addon ??= ${loading('sqlite')});`,
      resolveDir: project,
    }));
    // Its modules of the newer kind ask by a \`require\` of their own, which no bundler sees through.
    onResolve({ filter: /^sharp$/ }, ({ resolveDir, kind }) =>
      kind === 'require-call' ? undefined : resolve('sharp', { resolveDir, kind: 'require-call' }),
    );
    onLoad({ filter: /[\\/]sharp[\\/]dist[\\/]sharp\.cjs$/ }, () => ({
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
export function bundleExecutable(): Promise<BundledScript> {
  return bundleScript('server/executable-main.ts', {
    plugins: [nativeAddons],
    logOverride: {
      'unsupported-dynamic-import': 'error',
      'unsupported-require-call': 'error',
      'indirect-require': 'error',
    },
  });
}
