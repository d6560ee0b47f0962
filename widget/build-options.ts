/** How the widget is bundled, whatever it becomes: the steps that make it small, and stylesheets as text. */
import { readFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { type BuildOptions, build, type Plugin } from 'esbuild';

/** Chrome 94, Firefox 93, Safari 15.4: what the oldest phones in use have. */
const TARGET = 'es2022';

/** `@uppy/*` imports its whole package.json for one version string: 6 kB of dependency lists in the bundle. */
const versionOnly: Plugin = {
  name: 'version-only',
  setup({ onLoad }) {
    onLoad({ filter: /node_modules\/@uppy\/[^/]+\/package\.json$/ }, async ({ path }) => {
      const { version } = JSON.parse(await readFile(path, 'utf8')) as { version: string };
      return { contents: JSON.stringify({ version }), loader: 'json' };
    });
  },
};

/** tus-js-client's `main` is transpiled for browsers of 2015; its sources are as good and less than half. */
const untranspiledTus: Plugin = {
  name: 'untranspiled-tus',
  setup({ onResolve, resolve }) {
    onResolve({ filter: /^tus-js-client$/ }, async ({ path, resolveDir, kind, pluginData }) => {
      if (pluginData === 'second-time') return undefined;
      const main = await resolve(path, { resolveDir, kind, pluginData: 'second-time' });
      // `<package>/lib.esm/browser/index.js` → `<package>/lib/browser/index.js`
      return { path: join(dirname(main.path), '../../lib/browser/index.js') };
    });
  },
};

/** What tus-js-client brings along for browsers that lack it, and every browser of our target has. */
const NATIVE: Record<string, string> = {
  'url-parse': 'export default URL',
  'js-base64':
    'export const Base64 = { encode: (text) => btoa(String.fromCharCode(...new TextEncoder().encode(text))) }',
};

const nativeParts: Plugin = {
  name: 'native-parts',
  setup({ onResolve, onLoad }) {
    onResolve({ filter: /^(url-parse|js-base64)$/ }, ({ path }) => ({ path, namespace: 'native' }));
    onLoad({ filter: /.*/, namespace: 'native' }, ({ path }) => ({ contents: NATIVE[path] ?? '' }));
  },
};

/** `./x.css?text` is the minified stylesheet as text, for shadow roots. */
const cssText: Plugin = {
  name: 'css-text',
  setup({ onResolve, onLoad }) {
    onResolve({ filter: /\.css\?text$/ }, ({ path, resolveDir }) => ({
      path: join(resolveDir, path.replace(/\?text$/, '')),
      namespace: 'css-text',
    }));
    onLoad({ filter: /.*/, namespace: 'css-text' }, async ({ path }) => {
      const { outputFiles } = await build({ entryPoints: [path], minify: true, target: TARGET, write: false });
      return { contents: `export const css = ${JSON.stringify(outputFiles[0]?.text.trim())}`, watchFiles: [path] };
    });
  },
};

/** For every bundle. */
export const COMMON_OPTIONS: BuildOptions & { metafile: true } = {
  bundle: true,
  target: TARGET,
  legalComments: 'none',
  // Words of other alphabets as they are, not as \u escapes.
  charset: 'utf8',
  metafile: true,
  plugins: [versionOnly, untranspiledTus, nativeParts, cssText],
};

/** For modules with Preact in them. */
export const MODULE_OPTIONS: BuildOptions & { metafile: true } = {
  ...COMMON_OPTIONS,
  format: 'esm',
  splitting: true,
  // The name says the content, so that a browser may keep it for ever.
  chunkNames: 'chunk-[hash]',
  jsx: 'automatic',
  jsxImportSource: 'preact',
};
