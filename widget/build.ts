/** Bundles the widget's pages into `dist/widget/` and prints what they weigh: `node widget/build.ts`. */
import { mkdir, readFile, rm, writeFile } from 'node:fs/promises';
import { basename, join } from 'node:path';
import { brotliCompressSync, gzipSync } from 'node:zlib';
import { build } from 'esbuild';
import { COMMON_OPTIONS, MODULE_OPTIONS } from './build-options.ts';
import { withPreloads } from './preloads.ts';

const widgetDirectory = import.meta.dirname;
const outDirectory = join(widgetDirectory, '../dist/widget');
const output = { outdir: outDirectory, minify: true, sourcemap: true };

await rm(outDirectory, { recursive: true, force: true });
await mkdir(outDirectory, { recursive: true });
const modules = await build({
  ...MODULE_OPTIONS,
  ...output,
  entryPoints: [
    { in: join(widgetDirectory, 'package/element.ts'), out: 'chat-files' },
    { in: join(widgetDirectory, 'package/dashboard.ts'), out: 'chat-files-dashboard' },
    { in: join(widgetDirectory, 'frame/embed.ts'), out: 'embed' },
    { in: join(widgetDirectory, 'frame/embed.css'), out: 'embed' },
    { in: join(widgetDirectory, 'pages/admin.tsx'), out: 'admin' },
    { in: join(widgetDirectory, 'pages/admin.css'), out: 'admin' },
    { in: join(widgetDirectory, 'pages/dashboard.tsx'), out: 'dashboard' },
    { in: join(widgetDirectory, 'pages/dashboard.css'), out: 'dashboard' },
    { in: join(widgetDirectory, 'pages/demo.tsx'), out: 'demo' },
    { in: join(widgetDirectory, 'pages/demo.css'), out: 'demo' },
  ],
});
// A classic script, as the original API's: it needs no attribute, and works in pages of any age.
const scriptTag = await build({
  ...COMMON_OPTIONS,
  ...output,
  entryPoints: [{ in: join(widgetDirectory, 'loader/widget.ts'), out: 'widget' }],
  format: 'iife',
});
for (const page of ['frame/embed.html', 'pages/admin.html', 'pages/dashboard.html', 'pages/demo.html']) {
  const html = await readFile(join(widgetDirectory, page), 'utf8');
  await writeFile(join(outDirectory, basename(page)), withPreloads(html, modules.metafile));
}

for (const path of Object.keys({ ...scriptTag.metafile.outputs, ...modules.metafile.outputs })) {
  if (path.endsWith('.map')) continue;
  const bytes = await readFile(path);
  // Once here rather than at each start: the server sends what the browser takes.
  const gzip = gzipSync(bytes, { level: 9 });
  await writeFile(`${path}.gz`, gzip);
  await writeFile(`${path}.br`, brotliCompressSync(bytes));
  console.log(
    `${basename(path).padEnd(20)} ${kilobytes(bytes).padStart(7)} kB  ${kilobytes(gzip).padStart(6)} kB gzip`,
  );
}

function kilobytes({ length }: Buffer): string {
  return (length / 1024).toFixed(1);
}
