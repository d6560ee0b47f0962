/** The stylesheet of a part that was loaded later, for the shadow root that it appears in. */

const sheets = new Map<string, CSSStyleSheet>();

/** Once for each root; all roots share one parsed sheet. */
export function addStyles(root: ShadowRoot | Document, css: string): void {
  let sheet = sheets.get(css);
  if (!sheet) {
    sheet = new CSSStyleSheet();
    sheet.replaceSync(css);
    sheets.set(css, sheet);
  }
  if (!root.adoptedStyleSheets.includes(sheet)) root.adoptedStyleSheets = [...root.adoptedStyleSheets, sheet];
}
