/** All pages of the site from the Markdown of the project: which page holds which section, and where every link leads. */
import { existsSync, readFileSync, statSync } from 'node:fs';
import path from 'node:path';
import { PROBLEMS } from '../../server/contract/problem.ts';
import { SETTINGS } from '../../server/settings.ts';
import { generatedPages } from './generated-pages.ts';
import { type Document, linkTo, parse, sectionOf } from './markdown.ts';
import { type Entry, HOME, NAVIGATION } from './navigation.ts';

export type Page = { page: string; title: string; navTitle: string; group: string; document: Document };
export type Site = {
  pages: Page[];
  /** Files of the project that pages show or link to, by their path. */
  files: Set<string>;
  /** Links that lead nowhere, with the file that has them. */
  deadLinks: string[];
  /** Entries of the navigation whose file is not there. */
  missing: string[];
};

const ROOT = path.join(import.meta.dirname, '../..');

type Placed = Page & { file: string };
/** `file#anchor`, or a file → where that is on the site. */
type Places = Map<string, string>;

export function assemble(): Site {
  const generated = generatedPages(read('README.md'));
  const all = entriesOf(generated);
  const sources = readSources(
    all.map(({ from }) => fileOf(from)),
    generated,
  );
  const isThere = ({ from }: { from: string }) => sources.has(fileOf(from));
  const { pages, places } = place(all.filter(isThere), sources);
  const files = new Set<string>();
  const deadLinks: string[] = [];
  for (const { page, file, document } of pages) {
    const resolve = (href: string) => {
      if (/^[a-z]+:/i.test(href)) return href;
      const target = placeOf(href, file, places);
      if (target !== undefined) return addressFrom(page, target);
      const shown = fileOf(path.posix.join(path.posix.dirname(file), href));
      if (!canBeShown(shown)) {
        deadLinks.push(`${file}: ${href}`);
        return '#';
      }
      files.add(shown);
      return `${'../'.repeat(page.split('/').length - 1)}files/${shown}`;
    };
    linkTo(document, resolve, (code) => {
      const target = wordsPlace(code, generated.has(file));
      return target === undefined ? undefined : addressFrom(page, target);
    });
  }
  return { pages, files, deadLinks, missing: all.filter((entry) => !isThere(entry)).map(({ from }) => from) };
}

/** Those of the navigation, and a page for each error code, which the list of codes leads to. */
function entriesOf(generated: ReadonlyMap<string, string>): (Entry & { group: string })[] {
  const problems = [...generated.keys()].filter((file) => /^docs\/problems\/(?!index)/.test(file));
  return [
    ...NAVIGATION.flatMap(({ title: group, entries }) => entries.map((entry) => ({ ...entry, group }))),
    ...problems.map((from) => ({ page: from.replace(/^docs\/|\.md$/g, ''), from, group: '' })),
  ];
}

function readSources(files: readonly string[], generated: ReadonlyMap<string, string>): Map<string, Document> {
  const sources = new Map<string, Document>();
  for (const file of new Set(files)) {
    const text = generated.get(file) ?? (existsSync(path.join(ROOT, file)) ? read(file) : undefined);
    if (text !== undefined) sources.set(file, parse(text));
  }
  return sources;
}

function place(entries: readonly (Entry & { group: string })[], sources: Map<string, Document>) {
  const pages: Placed[] = [];
  const places: Places = new Map();
  for (const { page, from, title: navTitle, group } of entries) {
    const file = fileOf(from);
    const section = from.split('#')[1];
    const source = sources.get(file) as Document;
    const document = section === undefined ? source : sectionOf(source, section);
    const [first] = document.headings;
    const title = first?.title ?? page;
    pages.push({ page, file, title, navTitle: navTitle ?? title, group, document });
    if (section === undefined) places.set(file, page);
    for (const { anchor } of document.headings)
      places.set(`${file}#${anchor}`, anchor === first?.anchor ? page : `${page}#${anchor}`);
  }
  addKeys(pages, sources, places);
  // What stands on no page: the beginning of the README, which the home page tells.
  for (const [file, { headings }] of sources)
    for (const { anchor } of headings) if (!places.has(`${file}#${anchor}`)) places.set(`${file}#${anchor}`, HOME);
  if (!places.has('README.md')) places.set('README.md', HOME);
  return { pages, places };
}

/** A setting or an error code leads to what is said of it. */
function wordsPlace(code: string, isGenerated: boolean): string | undefined {
  const word = isGenerated ? code : code.replace(/[=…].*$/s, '');
  if (word in SETTINGS) return `settings#${word.toLowerCase()}`;
  return code in PROBLEMS && !isGenerated ? `problems/${code}` : undefined;
}

function canBeShown(file: string): boolean {
  if (/\.md$|^\.\./.test(file)) return false;
  const absolute = path.join(ROOT, file);
  return existsSync(absolute) && statSync(absolute).isFile();
}

function fileOf(address: string): string {
  return address.split('#')[0] ?? '';
}

/** What the README says of settings is said by the generated page; its section on keys follows there. */
function addKeys(pages: readonly Placed[], sources: Map<string, Document>, places: Places): void {
  const settings = pages.find(({ page }) => page === 'settings');
  const readme = sources.get('README.md');
  if (settings === undefined || readme === undefined) return;
  const keys = sectionOf({ tokens: structuredCloneOf(readme.tokens), headings: readme.headings }, 'keys');
  for (const token of keys.tokens) if (/^heading_/.test(token.type)) token.tag = 'h2';
  settings.document.tokens.push(...keys.tokens);
  settings.document.headings.push(...keys.headings.map((heading) => ({ ...heading, level: 2 })));
  places.set('README.md#keys', 'settings#keys');
  places.set('README.md#settings', 'settings');
}

/** Tokens whose tags may be changed without changing those of other pages. */
function structuredCloneOf(tokens: Document['tokens']): Document['tokens'] {
  return tokens.map((token) => Object.assign(Object.create(Object.getPrototypeOf(token)), token));
}

function placeOf(href: string, file: string, places: Places): string | undefined {
  const [relative = '', anchor] = href.split('#');
  const target = relative === '' ? file : path.posix.join(path.posix.dirname(file), relative);
  return places.get(anchor === undefined ? target : `${target}#${anchor}`);
}

/** The address of a place (`page#anchor`) as seen from a page: relative, so that the site may lie in any folder. */
export function addressFrom(page: string, place: string): string {
  const [target = '', anchor] = place.split('#');
  const up = '../'.repeat(page.split('/').length - 1);
  const hash = anchor === undefined ? '' : `#${anchor}`;
  return target === page && hash !== '' ? hash : `${up}${target}.html${hash}`;
}

function read(file: string): string {
  return readFileSync(path.join(ROOT, file), 'utf8');
}
