/** Markdown → tokens with the anchors that GitHub gives headings, cut into sections, with links led to the site's pages. */
import MarkdownIt, { type Token } from 'markdown-it';

export type Heading = { level: number; title: string; anchor: string };
export type Document = { tokens: Token[]; headings: Heading[] };

const markdown = new MarkdownIt({ html: false, linkify: false, highlight });
const HASH_COMMENTS = /^(?:sh|bash|yaml|ini|dockerfile|python|http)?$/;

export function parse(text: string): Document {
  const tokens = markdown.parse(text, {});
  const headings: Heading[] = [];
  const taken = new Map<string, number>();
  for (const [at, token] of tokens.entries()) {
    if (token.type !== 'heading_open') continue;
    const title = (tokens[at + 1]?.children ?? []).map(({ content }) => content).join('');
    const anchor = unique(slugOf(title), taken);
    token.attrSet('id', anchor);
    headings.push({ level: Number(token.tag.slice(1)), title, anchor });
  }
  return { tokens, headings };
}

/** The part of a document below one heading, its heading raised to the first level. @throws when there is no such heading */
export function sectionOf(document: Document, anchor: string): Document {
  const at = document.headings.findIndex((heading) => heading.anchor === anchor);
  const first = document.headings[at];
  if (first === undefined) throw new Error(`there is no section #${anchor}`);
  const rest = document.headings.slice(at + 1);
  const next = rest.find(({ level }) => level <= first.level);
  const positionOf = (heading: Heading) =>
    document.tokens.findIndex((token) => token.type === 'heading_open' && token.attrGet('id') === heading.anchor);
  const raised = first.level - 1;
  const tokens = document.tokens.slice(positionOf(first), next && positionOf(next));
  for (const token of tokens) if (/^heading_/.test(token.type)) token.tag = `h${Number(token.tag.slice(1)) - raised}`;
  const headings = [first, ...rest.slice(0, next && rest.indexOf(next))];
  return { tokens, headings: headings.map((heading) => ({ ...heading, level: heading.level - raised })) };
}

/** Every link and picture gets the address that `resolve` gives it; `nameOf` says where a word in code leads, if anywhere. */
export function linkTo(
  document: Document,
  resolve: (href: string) => string,
  nameOf: (code: string) => string | undefined,
): void {
  for (const [at, token] of document.tokens.entries()) {
    if (token.children === null) continue;
    const isHeading = document.tokens[at - 1]?.type === 'heading_open';
    let inLink = isHeading;
    token.children = token.children.flatMap((child) => {
      if (/^link_/.test(child.type)) inLink = child.type === 'link_open' || isHeading;
      lead(child, resolve);
      const target = child.type === 'code_inline' && !inLink ? nameOf(child.content) : undefined;
      return target === undefined ? [child] : linked(child, target);
    });
  }
}

function lead(child: Token, resolve: (href: string) => string): void {
  for (const name of ['href', 'src']) {
    const address = child.attrGet(name);
    if (address !== null) child.attrSet(name, resolve(String(address)));
  }
  if (child.type === 'image') child.attrSet('loading', 'lazy');
}

export function render({ tokens }: Document): string {
  return markdown.renderer
    .render(tokens, markdown.options, {})
    .replaceAll('<table>', '<div class="table" tabindex="0" role="group" aria-label="table"><table>')
    .replaceAll('</table>', '</table></div>')
    .replaceAll('<pre>', '<pre tabindex="0">')
    .replaceAll(/<table>\s*<thead>\s*<tr>\s*(?:<th[^>]*><\/th>\s*)+<\/tr>\s*<\/thead>/g, '<table class="facts">');
}

/** The words of each part of a document, for the search. */
export function wordsOf({ tokens, headings }: Document): { heading: Heading; text: string }[] {
  const parts: { heading: Heading; text: string }[] = [];
  let at = 0;
  for (const token of tokens) {
    const heading = headings[at];
    if (token.type === 'heading_open' && heading !== undefined) {
      parts.push({ heading, text: '' });
      at += 1;
    }
    const part = parts.at(-1);
    if (part === undefined) continue;
    if (token.type === 'inline') part.text += ` ${(token.children ?? []).map(({ content }) => content).join(' ')}`;
    if (token.type === 'fence') part.text += ` ${token.content}`;
  }
  return parts;
}

function linked(child: Token, target: string): Token[] {
  const wrapper = markdown.parseInline(`[x](${target})`, {})[0]?.children ?? [];
  return wrapper.map((token) => (token.type === 'text' ? child : token));
}

/** As GitHub makes them of a heading's text. */
function slugOf(title: string): string {
  return title
    .trim()
    .toLowerCase()
    .replaceAll(/[^\p{L}\p{N}\s_-]/gu, '')
    .replaceAll(/\s/g, '-');
}

function unique(slug: string, taken: Map<string, number>): string {
  const count = taken.get(slug) ?? 0;
  taken.set(slug, count + 1);
  return count === 0 ? slug : `${slug}-${count}`;
}

/** Comments are set back; a highlighter of languages would weigh more than the rest of the site. */
function highlight(code: string, language: string): string {
  const escaped = markdown.utils.escapeHtml(code);
  const comment = HASH_COMMENTS.test(language) ? /(?<=^|\s)# .*$/gm : /(?<=^|\s)\/\/ .*$/gm;
  return escaped.replaceAll(comment, '<span class="comment">$&</span>');
}
