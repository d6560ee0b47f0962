/** Which of light and dark applies: what was asked for, else what the reader's system says, as it changes. */
import type { ThemeName } from '../frame/frame-messages.ts';

/** Calls `use` at once and at each change, until the answer is called. */
export function followColorScheme(name: ThemeName, use: (scheme: 'light' | 'dark') => void): () => void {
  if (name !== 'auto') {
    use(name);
    return () => {};
  }
  const query = matchMedia('(prefers-color-scheme: dark)');
  const tell = () => use(query.matches ? 'dark' : 'light');
  query.addEventListener('change', tell);
  tell();
  return () => query.removeEventListener('change', tell);
}
