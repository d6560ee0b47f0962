/** Finds elements in a page through every open shadow root. Runs inside the page: its source is sent there. */

/** Where something is in a page. With several conditions all must hold. */
export type Place = {
  /** CSS, outermost first: each is looked for below the one before, whatever shadow roots lie between. */
  css?: string | string[];
  /** Part of its text; spaces count once. Alone it names the innermost element. */
  text?: string;
  /** Its whole accessible name: of a button, a link, a field. Without `css` it is one of these. */
  name?: string;
};

export type DeepQuery = {
  /** All elements at the place, in the page's order. */
  find(place: Place, mustBeVisible: boolean): Element[];
  /** What a reader sees of it, shadow roots included, spaces once. */
  textOf(element: Element): string;
};

/**
 * It must stand alone, without anything of this file: only its own source reaches the page. The accessible name is a
 * simple one: aria-label, aria-labelledby, label, alt, text, title.
 */
export function createDeepQuery(): DeepQuery {
  const controls = 'button, a[href], input, select, textarea, summary, label, [role=button], [role=link], [role=tab]';
  const oneSpace = (words: string | null | undefined) => (words ?? '').replace(/\s+/g, ' ').trim();

  function below(root: ParentNode, selector: string): Element[] {
    return [...root.querySelectorAll('*')].flatMap((element) => [
      ...(element.matches(selector) ? [element] : []),
      ...(element.shadowRoot ? below(element.shadowRoot, selector) : []),
    ]);
  }

  function rawText(node: Node): string {
    if (node instanceof Text) return node.data;
    if (node instanceof Element && /^(style|script|template|noscript)$/i.test(node.tagName)) return '';
    const assigned = node instanceof HTMLSlotElement ? node.assignedNodes() : [];
    const children = node instanceof Element && node.shadowRoot ? node.shadowRoot.childNodes : node.childNodes;
    return [...(assigned.length > 0 ? assigned : children)].map(spacedText).join('');
  }

  function spacedText(node: Node): string {
    const isBlock = node instanceof Element && !getComputedStyle(node).display.startsWith('inline');
    return isBlock ? ` ${rawText(node)} ` : rawText(node);
  }

  const textOf = (element: Element) => oneSpace(rawText(element));

  function nameOf(element: Element): string {
    const root = element.getRootNode() as Document | ShadowRoot;
    const ids = element.getAttribute('aria-labelledby')?.split(/\s+/) ?? [];
    const labels = element instanceof HTMLInputElement ? [...(element.labels ?? [])] : [];
    const names = [
      element.getAttribute('aria-label'),
      ids.map((id) => rawText(root.getElementById(id) ?? new Text())).join(' '),
      labels.map(rawText).join(' '),
      element.getAttribute('alt'),
      rawText(element),
      element.getAttribute('title'),
    ];
    return names.map(oneSpace).find((words) => words !== '') ?? '';
  }

  function isAround(outer: Element, inner: Element): boolean {
    let node: Node | null = inner;
    while (node !== null && node !== outer) node = node instanceof ShadowRoot ? node.host : node.parentNode;
    return node === outer;
  }

  return {
    textOf,
    find({ css, text, name }, mustBeVisible) {
      const selectors = css ?? (name === undefined ? '*' : controls);
      let found: ParentNode[] = [document];
      for (const selector of typeof selectors === 'string' ? [selectors] : selectors) {
        found = found.flatMap((root) => [
          ...(root instanceof Element && root.shadowRoot ? below(root.shadowRoot, selector) : []),
          ...below(root, selector),
        ]);
      }
      const matching = [...new Set(found as Element[])].filter(
        (element) =>
          (!mustBeVisible || element.checkVisibility({ visibilityProperty: true })) &&
          (text === undefined || textOf(element).includes(text)) &&
          (name === undefined || nameOf(element) === name),
      );
      if (css !== undefined || name !== undefined) return matching;
      // By its text alone the innermost is meant, not the whole page around it.
      return matching.filter((element) => !matching.some((other) => other !== element && isAround(element, other)));
    },
  };
}
