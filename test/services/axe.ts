/** axe-core in a page: what it finds against WCAG 2.2 AA, open shadow roots and frames of the same site included; and small targets. */
import { readFile } from 'node:fs/promises';
import { createRequire } from 'node:module';
import type { BrowserFrame } from './browser-page.ts';
import { smallTargets } from './small-targets.ts';

type AxeOptions = { within?: string; wholePage?: boolean };

const TAGS = ['wcag2a', 'wcag2aa', 'wcag21a', 'wcag21aa', 'wcag22aa', 'best-practice'];

/** Playwright's page or frame: the value of an expression. */
type Evaluates = { evaluate(script: string): Promise<unknown> };
/** A page or frame of the other engines: a script that returns. */
type Runs = Pick<BrowserFrame, 'evaluate'>;

let source: string | undefined;

/** Looks at a page on which something is found. */
const MAX_LOOKS = 4;

/** The same in Firefox and WebKitGTK. */
export function axeFindingsIn(page: Runs, options?: AxeOptions): Promise<string[]> {
  return axeFindings(
    { evaluate: (script) => page.evaluate(script.startsWith('(async') ? `return ${script}` : script) },
    options,
  );
}

/**
 * One line for each element that breaks a rule, or is smaller than a finger; empty when all is well. `within` is a CSS selector in the light DOM.
 * Rules about a whole page (landmarks, one h1) are left out for a widget that is a part of one.
 */
export async function axeFindings(
  page: Evaluates,
  { within = 'body', wholePage = false }: AxeOptions = {},
): Promise<string[]> {
  source ??= await readFile(createRequire(import.meta.url).resolve('axe-core/axe.min.js'), 'utf8');
  const off = wholePage ? [] : ['region', 'page-has-heading-one', 'landmark-one-main', 'bypass'];
  const options = {
    runOnly: { type: 'tag', values: TAGS },
    rules: Object.fromEntries(off.map((rule) => [rule, { enabled: false }])),
    resultTypes: ['violations'],
  };
  // Evaluated, not added as a script: a strict Content-Security-Policy forbids that.
  const isThere = await page.evaluate(`(async () => typeof axe !== 'undefined')()`);
  if (!isThere) await page.evaluate(`${source}; undefined`);
  let broken: string[] = [];
  // A card that came after the last look at what moves is still fading in: only what stays counts.
  for (let look = 1; look <= MAX_LOOKS; look += 1) {
    broken = (await page.evaluate(`(async () => {
    // What is still fading in has no contrast yet.
    const roots = [document];
    for (const root of roots) for (const { shadowRoot } of root.querySelectorAll('*')) if (shadowRoot) roots.push(shadowRoot);
    const moving = roots.flatMap((root) => root.getAnimations()).filter(({ effect }) => effect.getTiming().iterations !== Infinity);
    await Promise.allSettled(moving.map(({ finished }) => finished));
    const { violations } = await axe.run(${JSON.stringify(within)}, ${JSON.stringify(options)});
    return violations.flatMap((rule) => rule.nodes.map((node) =>
      rule.id + ': ' + node.target.flat().join(' ') + ' — ' + (node.any[0] ?? node.all[0] ?? node.none[0])?.message));
  })()`)) as string[];
    if (broken.length === 0) break;
  }
  return [...broken, ...(await smallTargets(page, within))];
}
