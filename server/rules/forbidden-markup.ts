/** Whether a text that begins with `<` is markup which a browser or a server would run: HTML, SVG, XHTML, XSL, PHP. */
import type { ForbiddenKind } from './forbidden-types.ts';

/**
 * Tags that make a document HTML when they come first: those of the WHATWG MIME Sniffing standard (section 7.1), and
 * more that start fragments with scripts in them.
 */
const HTML_TAGS = new Set([
  ...['html', 'head', 'script', 'iframe', 'h1', 'div', 'font', 'table', 'a', 'style', 'title', 'b', 'body', 'br', 'p'],
  ...['img', 'meta', 'link', 'form', 'frameset', 'object', 'embed', 'template', 'input', 'video', 'audio', 'math'],
]);

/** Root elements, without prefix, that make an XML document something to run. */
const ROOTS: ReadonlyMap<string, ForbiddenKind> = new Map([
  ['svg', 'svg'],
  ['html', 'web-page'],
  ['stylesheet', 'web-page'],
  ['transform', 'web-page'],
  ['math', 'web-page'],
  ['scriptlet', 'script'],
]);

/** Namespaces whose elements a browser runs wherever in an XML document they stand. */
const NAMESPACES: readonly (readonly [uri: string, kind: ForbiddenKind])[] = [
  ['http://www.w3.org/2000/svg', 'svg'],
  ['http://www.w3.org/1999/xhtml', 'web-page'],
  ['http://www.w3.org/1999/xsl/transform', 'web-page'],
  ['http://www.w3.org/tr/wd-xsl', 'web-page'],
];

const TAG = /^<([a-z][a-z0-9]*)(?=[\s/>])/;
const ELEMENT = /^<(?:[a-z_][\w.-]*:)?([a-z_][\w.-]*)/;
const DOCTYPE = /^<!doctype\s+(?:[a-z_][\w.-]*:)?([a-z_][\w.-]*)/;

/**
 * The kind of forbidden markup that this start of a text is (lower case, no byte order mark, no leading white space);
 * undefined for plain text and harmless XML. XML whose root lies beyond the head is taken for the worst.
 */
export function forbiddenMarkup(start: string): ForbiddenKind | undefined {
  if (!start.startsWith('<')) return undefined;
  if (start.startsWith('<%') || start.startsWith('<?php') || start.startsWith('<?=')) return 'script';
  if (start.startsWith('<!--')) return 'web-page';
  const tag = TAG.exec(start)?.[1] ?? '';
  if (HTML_TAGS.has(tag)) return 'web-page';
  const rest = skipProlog(start);
  return typeof rest === 'string' ? kindOfDocument(start, rest) : rest.kind;
}

/** The text from its root element on, or what the prolog alone shows the document to be. */
function skipProlog(start: string): string | { kind: ForbiddenKind } {
  let rest = start;
  for (;;) {
    const end = prologPieceEnd(rest);
    if (end === 0) return rest;
    if (end === -1 || rest.startsWith('<?xml-stylesheet')) return { kind: 'web-page' };
    const doctype = ROOTS.get(DOCTYPE.exec(rest)?.[1] ?? '');
    if (doctype !== undefined) return { kind: doctype };
    rest = rest.slice(end).trimStart();
  }
}

/** Where the comment, instruction or doctype that `rest` begins with ends; 0 when it begins with none, -1 when it does not end. */
function prologPieceEnd(rest: string): number {
  if (rest.startsWith('<!--')) return endOf(rest, '-->', 4);
  if (rest.startsWith('<?')) return endOf(rest, '?>', 2);
  if (!rest.startsWith('<!doctype')) return 0;
  const subset = rest.indexOf('[');
  const close = rest.indexOf('>');
  if (subset === -1 || (close !== -1 && close < subset)) return endOf(rest, '>', 9);
  const end = /\]\s*>/.exec(rest);
  return end === null ? -1 : end.index + end[0].length;
}

function endOf(text: string, mark: string, from: number): number {
  const at = text.indexOf(mark, from);
  return at === -1 ? -1 : at + mark.length;
}

function kindOfDocument(start: string, rest: string): ForbiddenKind | undefined {
  const root = ELEMENT.exec(rest)?.[1];
  if (root === undefined) return undefined;
  return ROOTS.get(root) ?? NAMESPACES.find(([uri]) => start.includes(uri))?.[1];
}
