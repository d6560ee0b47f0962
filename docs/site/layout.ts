/** A page of the site as HTML: navigation, content, what is on this page, and the neighbours. */
import { addressFrom, type Page, type Site } from './assemble.ts';
import { render } from './markdown.ts';
import { NAVIGATION } from './navigation.ts';

/** Nothing from elsewhere, and nothing inline. */
const POLICY =
  "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; base-uri 'none'; form-action 'none'";
/** Fewer headings need no list of them. */
const LISTED_HEADINGS = 3;

export function layout(page: Page, { pages }: Site): string {
  const up = '../'.repeat(page.page.split('/').length - 1);
  const title = page.page === 'index' ? 'Chatdrop' : `${escapeHtml(page.title)} · Chatdrop`;
  return `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta http-equiv="Content-Security-Policy" content="${POLICY}">
<title>${title}</title>
<link rel="stylesheet" href="${up}site.css">
<script src="${up}theme.js"></script>
<script type="module" src="${up}site.js"></script>
</head>
<body data-up="${up}">
<a class="skip" href="#content">To the content</a>
<header>
<button class="button menu" type="button" aria-expanded="false" aria-controls="navigation">Menu</button>
<a class="name" href="${up}index.html">Chatdrop</a>
<button class="button search" type="button" hidden>Search <kbd>/</kbd></button>
<button class="button theme" type="button" aria-label="Light or dark" hidden></button>
</header>
<div class="columns">
<nav id="navigation" class="pages" aria-label="Pages">${navigation(page, pages)}</nav>
<main id="content" tabindex="-1">
${onThisPage(page, 'short')}
<article>
${render(page.document)}</article>
${neighbours(page, pages)}
</main>
${onThisPage(page, 'aside')}
</div>
</body>
</html>
`;
}

function navigation(current: Page, pages: readonly Page[]): string {
  const isProblem = current.page.startsWith('problems/');
  return NAVIGATION.map(({ title }) => {
    const items = pages.filter(({ group }) => group === title);
    const links = items.map(({ page, navTitle }) => {
      const isHere = page === current.page || (isProblem && page === 'problems/index');
      return `<li><a href="${addressFrom(current.page, page)}"${isHere ? ' aria-current="page"' : ''}>${escapeHtml(navTitle)}</a></li>`;
    });
    return `<h2>${escapeHtml(title)}</h2><ul>${links.join('')}</ul>`;
  }).join('\n');
}

function onThisPage({ document, page }: Page, place: 'short' | 'aside'): string {
  const listed = document.headings.filter(({ level }) => level === 2 || (level === 3 && page !== 'changelog'));
  if (listed.length < LISTED_HEADINGS || page === 'index') return place === 'aside' ? '<div class="filler"></div>' : '';
  const links = listed.map(
    ({ level, title, anchor }) => `<li class="level-${level}"><a href="#${anchor}">${escapeHtml(title)}</a></li>`,
  );
  const list = `<ul>${links.join('')}</ul>`;
  return place === 'aside'
    ? `<aside class="toc" aria-label="On this page"><h2>On this page</h2>${list}</aside>`
    : `<details class="short"><summary>On this page</summary>${list}</details>`;
}

function neighbours(current: Page, pages: readonly Page[]): string {
  const listed = pages.filter(({ group }) => group !== '');
  const at = listed.findIndex(({ page }) => page === current.page);
  if (at === -1) return '';
  const link = (page: Page | undefined, words: string, rel: string) =>
    page === undefined
      ? ''
      : `<a rel="${rel}" href="${addressFrom(current.page, page.page)}"><small>${words}</small>${escapeHtml(page.navTitle)}</a>`;
  return `<nav class="neighbours" aria-label="Next and previous page">${link(listed[at - 1], 'Before', 'prev')}${link(listed[at + 1], 'Next', 'next')}</nav>`;
}

function escapeHtml(text: string): string {
  return text.replace(/[&<>"']/g, (character) => `&#${character.charCodeAt(0)};`);
}
