/** Bundles the widget's pages into `dist/widget/` and prints what they weigh: `node widget/build.ts`. */
import { copyFile, mkdir, readFile, rm } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { type BuildOptions, build, type Plugin } from 'esbuild';

const widgetDirectory = import.meta.dirname;
/** Chrome 94, Firefox 93, Safari 15.4: what the oldest phones in use have. */
const TARGET = 'es2022';
const outDirectory = join(widgetDirectory, '../dist/widget');

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

const common: BuildOptions = {
  outdir: outDirectory,
  bundle: true,
  target: TARGET,
  minify: true,
  sourcemap: true,
  legalComments: 'none',
  metafile: true,
  plugins: [versionOnly, untranspiledTus, nativeParts, cssText],
};

await rm(outDirectory, { recursive: true, force: true });
await mkdir(outDirectory, { recursive: true });
const modules = await build({
  ...common,
  entryPoints: [
    { in: join(widgetDirectory, 'element/chat-files-element.tsx'), out: 'chat-files' },
    { in: join(widgetDirectory, 'frame/embed.ts'), out: 'embed' },
    { in: join(widgetDirectory, 'frame/embed.css'), out: 'embed' },
    { in: join(widgetDirectory, 'pages/demo.tsx'), out: 'demo' },
    { in: join(widgetDirectory, 'pages/demo.css'), out: 'demo' },
  ],
  format: 'esm',
  splitting: true,
  // The name says the content, so that a browser may keep it for ever.
  chunkNames: 'chunk-[hash]',
  charset: 'utf8',
  jsx: 'automatic',
  jsxImportSource: 'preact',
});
// A classic script, as the original API's: it needs no attribute, and works in pages of any age.
const scriptTag = await build({
  ...common,
  entryPoints: [{ in: join(widgetDirectory, 'loader/widget.ts'), out: 'widget' }],
  format: 'iife',
});
for (const page of ['frame/embed.html', 'pages/demo.html']) {
  await copyFile(join(widgetDirectory, page), join(outDirectory, basename(page)));
}

for (const path of Object.keys({ ...scriptTag.metafile?.outputs, ...modules.metafile?.outputs })) {
  if (path.endsWith('.map')) continue;
  const bytes = await readFile(path);
  const gzipKilobytes = (gzipSync(bytes).length / 1024).toFixed(1);
  console.log(
    `${basename(path).padEnd(20)} ${(bytes.length / 1024).toFixed(1).padStart(7)} kB  ${gzipKilobytes.padStart(6)} kB gzip`,
  );
}
