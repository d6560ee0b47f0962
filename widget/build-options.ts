/** How the widget is bundled, whatever it becomes: the steps that make it small, and stylesheets as text. */
import { readFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { build } from 'esbuild';
import type { InputOptions, OutputOptions, Plugin } from 'rolldown';

/** Chrome 94, Firefox 93, Safari 15.4: what the oldest phones in use have. */
export const TARGET = 'es2022';

/** `@uppy/*` imports its whole package.json for one version string: 6 kB of dependency lists in the bundle. */
const versionOnly: Plugin = {
  name: 'version-only',
  load: {
    filter: { id: /node_modules\/@uppy\/[^/]+\/package\.json$/ },
    async handler(id) {
      const { version } = JSON.parse(await readFile(id, 'utf8')) as { version: string };
      return { code: JSON.stringify({ version }), moduleType: 'json' };
    },
  },
};

/** tus-js-client's `main` is transpiled for browsers of 2015; its sources are as good and less than half. */
const untranspiledTus: Plugin = {
  name: 'untranspiled-tus',
  resolveId: {
    filter: { id: /^tus-js-client$/ },
    async handler(id, importer) {
      const main = await this.resolve(id, importer, { skipSelf: true });
      // `<package>/lib.esm/browser/index.js` → `<package>/lib/browser/index.js`
      return main && join(dirname(main.id), '../../lib/browser/index.js');
    },
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
  resolveId: { filter: { id: /^(url-parse|js-base64)$/ }, handler: (id) => `\0native:${id}` },
  load: { filter: { id: /^\0native:/ }, handler: (id) => NATIVE[id.slice('\0native:'.length)] ?? '' },
};

/** `./x.css?text` is the minified stylesheet as text, for shadow roots. */
const cssText: Plugin = {
  name: 'css-text',
  load: {
    filter: { id: /\.css\?text$/ },
    async handler(id) {
      const path = id.replace(/\?text$/, '');
      const { outputFiles } = await build({ entryPoints: [path], minify: true, target: TARGET, write: false });
      return { code: `export const css = ${JSON.stringify(outputFiles[0]?.text.trim())}`, moduleType: 'js' };
    },
  },
};

/** For every bundle. */
export const INPUT_OPTIONS: InputOptions = {
  platform: 'browser',
  transform: { target: TARGET, jsx: { runtime: 'automatic', importSource: 'preact' } },
  tsconfig: false,
  plugins: [versionOnly, untranspiledTus, nativeParts, cssText],
};

/** For modules: what several of them share stands in files of its own, as few as can be. */
export const MODULE_OPTIONS: OutputOptions = {
  format: 'esm',
  comments: { legal: false, jsdoc: false },
  entryFileNames: '[name].js',
  // The name says the content, so that a browser may keep it for ever.
  chunkFileNames: 'chunk-[hash].js',
  hashCharacters: 'base36',
};
