/** Before anything is painted: the colours that were chosen the last time. */
export const THEME_KEY = 'chatdrop-docs-theme';

try {
  const chosen = localStorage.getItem(THEME_KEY);
  if (chosen === 'light' || chosen === 'dark') document.documentElement.dataset.theme = chosen;
} catch {
  // Storage is forbidden: the system's colours, then.
}
