/** What a finger would miss: controls below 44 by 44 CSS pixels, in open shadow roots too. */

const TARGET_PX = 44;

type Evaluates = { evaluate(script: string): Promise<unknown> };

/** One line for each control that shows and is smaller. `within` is a CSS selector in the light DOM. */
export async function smallTargets(page: Evaluates, within: string): Promise<string[]> {
  return (await page.evaluate(`(async () => {
    const roots = [...document.querySelectorAll(${JSON.stringify(within)})];
    for (const { shadowRoot } of [...roots]) if (shadowRoot) roots.push(shadowRoot);
    for (const root of roots) for (const { shadowRoot } of root.querySelectorAll('*')) if (shadowRoot) roots.push(shadowRoot);
    const controls = roots.flatMap((root) => [...root.querySelectorAll('a[href], button, input, select, summary, textarea, [role^=menuitem]')]);
    return controls.flatMap((control) => {
      if (control.closest('[hidden], [inert]') || !control.checkVisibility({ visibilityProperty: true })) return [];
      // A label around it is pressed in its place.
      const target = control.closest('label') ?? control;
      const { width, height } = target.getBoundingClientRect();
      if (width === 0 || (width >= ${TARGET_PX} - 0.5 && height >= ${TARGET_PX} - 0.5)) return [];
      const name = control.ariaLabel ?? control.textContent.trim().slice(0, 40);
      return ['small target: ' + [control.tagName.toLowerCase(), control.className, JSON.stringify(name), Math.round(width) + ' × ' + Math.round(height)].join(' ')];
    });
  })()`)) as string[];
}
