/** Bundles the widget's pages into `dist/widget/` and prints what they weigh: `node widget/build.ts`. */
import { mkdir, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { basename, join } from 'node:path';
import { brotliCompressSync, gzipSync } from 'node:zlib';
import { build as buildPlain } from 'esbuild';
import { build } from 'rolldown';
import { INPUT_OPTIONS, MODULE_OPTIONS, TARGET } from './build-options.ts';
import { withPreloads } from './preloads.ts';

const widgetDirectory = import.meta.dirname;
const outDirectory = join(widgetDirectory, '../dist/widget');
const inWidget = (name: string) => join(widgetDirectory, name);

await rm(outDirectory, { recursive: true, force: true });
await mkdir(outDirectory, { recursive: true });
const modules = await build({
  ...INPUT_OPTIONS,
  input: {
    'chat-files': inWidget('package/element.ts'),
    'chat-files-dashboard': inWidget('package/dashboard.ts'),
    embed: inWidget('frame/embed.ts'),
    admin: inWidget('pages/admin.tsx'),
    dashboard: inWidget('pages/dashboard.tsx'),
    demo: inWidget('pages/demo.tsx'),
  },
  output: { ...MODULE_OPTIONS, dir: outDirectory, minify: true, sourcemap: true },
});
const styles = ['frame/embed', 'pages/admin', 'pages/dashboard', 'pages/demo'].map((name) => `${name}.css`);
await buildPlain({
  // A classic script, as the original API's: it needs no attribute, and works in pages of any age.
  entryPoints: ['loader/widget.ts', ...styles].map(inWidget),
  outdir: outDirectory,
  entryNames: '[name]',
  format: 'iife',
  bundle: true,
  minify: true,
  sourcemap: true,
  target: TARGET,
  legalComments: 'none',
  charset: 'utf8',
});
for (const page of ['frame/embed.html', 'pages/admin.html', 'pages/dashboard.html', 'pages/demo.html']) {
  const html = await readFile(inWidget(page), 'utf8');
  await writeFile(join(outDirectory, basename(page)), withPreloads(html, modules.output));
}

for (const name of await readdir(outDirectory)) {
  if (!/\.(?:js|css)$/.test(name)) continue;
  const path = join(outDirectory, name);
  const bytes = await readFile(path);
  // Once here rather than at each start: the server sends what the browser takes.
  const gzip = gzipSync(bytes, { level: 9 });
  await writeFile(`${path}.gz`, gzip);
  await writeFile(`${path}.br`, brotliCompressSync(bytes));
  console.log(`${name.padEnd(24)} ${kilobytes(bytes).padStart(7)} kB  ${kilobytes(gzip).padStart(6)} kB gzip`);
}

function kilobytes({ length }: Buffer): string {
  return (length / 1024).toFixed(1);
}
