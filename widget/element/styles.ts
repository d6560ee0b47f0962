/** The widget's styles for a shadow root: one parsed sheet that all elements of the page share. */
import { css as cards } from '../ui/cards.css?text';
import { css as pane } from '../ui/pane.css?text';
import { css as theme } from '../ui/theme.css?text';
import { css as host } from './host.css?text';

let sheet: CSSStyleSheet | null = null;

/** A constructed sheet, because a strict Content-Security-Policy forbids `<style>`. */
export function adoptStyles(shadow: ShadowRoot): void {
  if (!sheet) {
    sheet = new CSSStyleSheet();
    sheet.replaceSync(host + theme + pane + cards);
  }
  shadow.adoptedStyleSheets = [sheet];
}
