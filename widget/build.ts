/** Bundles the widget's pages into `dist/widget/` and prints what they weigh: `node widget/build.ts`. */
import { copyFile, mkdir, readFile } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { build, type Plugin } from 'esbuild';

const widgetDirectory = import.meta.dirname;
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

await mkdir(outDirectory, { recursive: true });
const { metafile } = await build({
  entryPoints: [
    { in: join(widgetDirectory, 'pages/demo.tsx'), out: 'demo' },
    { in: join(widgetDirectory, 'pages/demo.css'), out: 'demo' },
  ],
  outdir: outDirectory,
  bundle: true,
  format: 'esm',
  target: 'es2022',
  jsx: 'automatic',
  jsxImportSource: 'preact',
  minify: true,
  sourcemap: true,
  legalComments: 'none',
  metafile: true,
  plugins: [versionOnly, untranspiledTus, nativeParts],
});
await copyFile(join(widgetDirectory, 'pages/demo.html'), join(outDirectory, 'demo.html'));

for (const path of Object.keys(metafile.outputs)) {
  if (path.endsWith('.map')) continue;
  const bytes = await readFile(path);
  const gzipKilobytes = (gzipSync(bytes).length / 1024).toFixed(1);
  console.log(
    `${basename(path).padEnd(12)} ${(bytes.length / 1024).toFixed(1).padStart(7)} kB  ${gzipKilobytes.padStart(6)} kB gzip`,
  );
}
