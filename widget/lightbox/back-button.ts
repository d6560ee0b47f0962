/** The browser's Back (on phones a swipe) closes the viewer instead of leaving the page. */

const MARK = 'chatdropViewer';

/** Whether the page stands on the entry that the viewer has added: whatever leads on from there takes its place. */
export function standsOnViewer(): boolean {
  return MARK in ((history.state as Record<string, unknown> | null) ?? {});
}

/**
 * Adds an entry to the history that leads to the same page; `onBack` when the person leaves it. The answer removes the
 * entry. In an iframe it does nothing: the history there is the host page's.
 */
export function catchBack(onBack: () => void): () => void {
  if (parent !== window) return () => {};
  const mark = Math.random();
  // What a router of the page keeps in its state stays there.
  history.pushState({ ...history.state, [MARK]: mark }, '');
  const isOurs = () => (history.state as Record<string, unknown> | null)?.[MARK] === mark;
  const onPopState = () => {
    if (!isOurs()) onBack();
  };
  addEventListener('popstate', onPopState);
  return () => {
    removeEventListener('popstate', onPopState);
    if (isOurs()) history.back();
  };
}
