/** Brings the stylesheet of a part that was loaded later into the shadow root where the part stands. */
import type { RefObject } from '@uppy/core/utils/preact';
import { useLayoutEffect } from '@uppy/core/utils/preact/hooks';

const sheets = new Map<string, CSSStyleSheet>();

/** Before the first paint, and once for each root, however often the part comes and goes. */
export function useSheet(element: RefObject<HTMLElement>, css: string): void {
  useLayoutEffect(() => {
    const root = element.current?.getRootNode();
    if (!(root instanceof ShadowRoot || root instanceof Document)) return;
    let sheet = sheets.get(css);
    if (!sheet) {
      sheet = new CSSStyleSheet();
      sheet.replaceSync(css);
      sheets.set(css, sheet);
    }
    if (!root.adoptedStyleSheets.includes(sheet)) root.adoptedStyleSheets = [...root.adoptedStyleSheets, sheet];
  }, [element, css]);
}
