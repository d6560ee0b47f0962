/**
 * Builds the documentation into `dist/site/`, or into the folder that is named: `node docs/site/build.ts [FOLDER]`. With `--serve`
 * it is shown on this machine and follows changes.
 */
import { cp, mkdir, rm, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { parseArgs } from 'node:util';
import { build } from 'esbuild';
import MiniSearch from 'minisearch';
import { assemble, type Site } from './assemble.ts';
import { layout } from './layout.ts';
import { wordsOf } from './markdown.ts';
import { SEARCH_OPTIONS } from './search-options.ts';
import { serve } from './serve.ts';

const here = import.meta.dirname;
const root = path.join(here, '../..');
const { values, positionals } = parseArgs({ options: { serve: { type: 'boolean' } }, allowPositionals: true });
const out = path.resolve(positionals[0] ?? path.join(root, 'dist/site'));

if (values.serve) await serve(out, [root, path.join(root, 'docs'), path.join(root, 'server')], buildSite);
else await buildSite();

async function buildSite(): Promise<void> {
  const site = assemble();
  if (site.deadLinks.length > 0) throw new Error(`These links lead nowhere:\n${site.deadLinks.join('\n')}`);
  await rm(out, { recursive: true, force: true });
  await mkdir(out, { recursive: true });
  for (const page of site.pages) await write(`${page.page}.html`, layout(page, site));
  for (const file of site.files) await cp(path.join(root, file), path.join(out, 'files', file));
  await write('search.json', JSON.stringify(searchIndex(site)));
  await build({
    entryPoints: ['site.ts', 'theme.ts', 'site.css'].map((name) => path.join(here, name)),
    outdir: out,
    bundle: true,
    minify: true,
    format: 'esm',
    target: 'es2022',
    banner: { js: '/*! The search is MiniSearch: see minisearch-license.txt */' },
    logLevel: 'warning',
  });
  await cp(path.join(root, 'node_modules/minisearch/LICENSE.txt'), path.join(out, 'minisearch-license.txt'));
  console.log(
    `${site.pages.length} pages in ${path.relative('.', out)}/${site.missing.map((from) => `\nnot there yet: ${from}`).join('')}`,
  );
}

function searchIndex({ pages }: Site): MiniSearch {
  const index = new MiniSearch(SEARCH_OPTIONS);
  for (const { page, title, document } of pages)
    index.addAll(
      wordsOf(document).map(({ heading, text }, at) => ({
        id: at === 0 ? `${page}.html` : `${page}.html#${heading.anchor}`,
        page: title,
        title: heading.title,
        text,
      })),
    );
  return index;
}

async function write(name: string, text: string): Promise<void> {
  const file = path.join(out, name);
  await mkdir(path.dirname(file), { recursive: true });
  await writeFile(file, text);
}
