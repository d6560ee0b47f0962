/** The pages that `type` of a problem leads to: `/problems/` lists all codes, `/problems/{code}` says what to do about one. */
import { createHash } from 'node:crypto';
import type { Context, Middleware } from 'koa';
import { PROBLEM_PAGES_PATH, PROBLEMS, type ProblemCode } from '../contract/problem.ts';
import { Failure } from '../rules/failure.ts';
import { PROBLEM_GUIDE } from './problem-guide.ts';

export type ProblemPages = Record<'list' | 'one', Middleware>;

const STYLE = `
:root { color-scheme: light dark; --page: #eef0f5; --surface: #fff; --ink: #171a21; --muted: #586070; --line: #dfe3ea; --accent: #3350c8; --soft: #eef1fc }
@media (prefers-color-scheme: dark) {
  :root { --page: #0d0f14; --surface: #161a22; --ink: #eceef3; --muted: #a3abba; --line: #2a303c; --accent: #93a7ff; --soft: #1c2233 }
}
* { box-sizing: border-box }
body { margin: 0; background: var(--page); color: var(--ink); font: 1rem/1.6 system-ui, -apple-system, "Segoe UI", Roboto, "Noto Sans", "Liberation Sans", sans-serif }
main { max-width: 46rem; margin: 0 auto; padding: 1.25rem 1rem 4rem }
nav { padding: .75rem 0; font-weight: 600 }
h1 { margin: .25rem 0 .5rem; font-size: clamp(1.6rem, 5vw, 2.2rem); line-height: 1.2; text-wrap: balance }
h2 { margin: 0 0 .25rem; font-size: 1rem }
p { margin: 0; overflow-wrap: break-word }
.lead { font-size: 1.125rem }
.facts { margin: 0 0 1rem; color: var(--muted) }
section { margin-top: .75rem; padding: 1rem 1.25rem; background: var(--surface); border: 1px solid var(--line); border-radius: 14px }
code { padding: .1em .35em; border-radius: 6px; background: var(--soft); font: .9em ui-monospace, "SF Mono", Menlo, Consolas, "Liberation Mono", monospace; overflow-wrap: anywhere }
a { color: var(--accent); text-underline-offset: .2em }
a:focus-visible { outline: 3px solid var(--accent); outline-offset: 3px; border-radius: 4px }
ul { margin: 1rem 0 0; padding: 0; list-style: none; background: var(--surface); border: 1px solid var(--line); border-radius: 14px }
li + li { border-top: 1px solid var(--line) }
li a { display: grid; grid-template-columns: 3rem 1fr; gap: 0 .5rem; min-height: 44px; padding: .6rem 1rem; color: inherit; text-decoration: none }
li a:hover strong { text-decoration: underline }
li a span { color: var(--muted) }
li a code { grid-column: 2; justify-self: start }
`;
/** Nothing is loaded and nothing runs; the one style sheet is known by its hash. */
const POLICY =
  `default-src 'none'; style-src 'sha256-${createHash('sha256').update(STYLE).digest('base64')}'; ` +
  "base-uri 'none'; form-action 'none'; frame-ancestors 'none'";

export function createProblemPages(): ProblemPages {
  return {
    list: async (ctx) => sendPage(ctx, 'What went wrong?', listOfAll()),
    one: async (ctx) => {
      const code = String(ctx.params.code);
      if (!isCode(code)) throw new Failure('not-found', `There is no such problem. ${PROBLEM_PAGES_PATH}/ lists all.`);
      sendPage(ctx, PROBLEMS[code][1], guideTo(code));
    },
  };
}

function isCode(text: string): text is ProblemCode {
  return Object.hasOwn(PROBLEMS, text);
}

function listOfAll(): string {
  const rows = Object.entries(PROBLEMS).map(
    ([code, [status, title]]) =>
      `<li><a href="${PROBLEM_PAGES_PATH}/${code}"><span>${status}</span><strong>${withCode(title)}</strong><code>${code}</code></a></li>`,
  );
  return `<p class="lead">Every refusal of this server carries one of these codes.</p><ul>${rows.join('')}</ul>`;
}

function guideTo(code: ProblemCode): string {
  const { what, why, again, people, developer, operator } = PROBLEM_GUIDE[code];
  const parts = [
    ['Why?', why],
    ['Does it help to try again?', again],
    ['You sent or opened a file', people],
    ['You wrote the page or the client', developer],
    ['You run the server', operator],
  ];
  return (
    `<p class="facts">HTTP ${PROBLEMS[code][0]} · <code>${code}</code></p><p class="lead">${withCode(what)}</p>` +
    parts.map(([title, text = '']) => `<section><h2>${title}</h2><p>${withCode(text)}</p></section>`).join('')
  );
}

/** Words for HTML, with what stands in backticks as code. */
function withCode(text: string): string {
  const escaped = text.replace(/[&<>"']/g, (character) => `&#${character.charCodeAt(0)};`);
  return escaped.replaceAll(/`([^`]+)`/g, '<code>$1</code>');
}

function sendPage(ctx: Context, title: string, content: string): void {
  ctx.set({ 'Content-Security-Policy': POLICY, 'X-Frame-Options': 'DENY', 'Cache-Control': 'no-cache' });
  ctx.type = 'text/html; charset=utf-8';
  ctx.body =
    `<!doctype html><html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width, initial-scale=1">` +
    `<title>${title} · Chatdrop</title><style>${STYLE}</style></head><body><main>` +
    `<nav><a href="${PROBLEM_PAGES_PATH}/">All error codes</a></nav><h1>${title}</h1>${content}</main></body></html>\n`;
}
