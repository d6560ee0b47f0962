/** Keeps the focus in the conversation when the card that has it vanishes. */
import { useLayoutEffect, useRef, useState } from '@uppy/core/utils/preact/hooks';
import type { ChatFile } from '../../server/contract/chat-file.ts';

/**
 * A removed card hands the focus to the next one, else to the one before, else to the whole list. The answer is the file
 * that went from under the focus, to be said.
 */
export function useListFocus(scroller: { current: HTMLElement | null }, files: ChatFile[]): ChatFile | null {
  const focused = useRef<number | null>(null);
  const before = useRef(files);
  const [gone, setGone] = useState<ChatFile | null>(null);

  useLayoutEffect(() => {
    const element = scroller.current;
    if (!element) return;
    const onFocus = (event: FocusEvent) => {
      const card = (event.target as Element).closest<HTMLElement>('[data-file]');
      focused.current = card ? Number(card.dataset.file) : null;
    };
    // A card that is taken away fires no `focusout` in every browser; one that does has no new place.
    const onBlur = (event: FocusEvent) => {
      if (event.relatedTarget !== null && !element.contains(event.relatedTarget as Node)) focused.current = null;
    };
    element.addEventListener('focusin', onFocus);
    element.addEventListener('focusout', onBlur);
    return () => {
      element.removeEventListener('focusin', onFocus);
      element.removeEventListener('focusout', onBlur);
    };
  }, []);

  useLayoutEffect(() => {
    const earlier = before.current;
    before.current = files;
    const element = scroller.current;
    const id = focused.current;
    if (id === null || !element || files.some((file) => file.id === id)) return;
    focused.current = null;
    const place = earlier.findIndex((file) => file.id === id);
    setGone(earlier[place] ?? null);
    const root = element.getRootNode() as Document | ShadowRoot;
    if (root.activeElement !== null && root.activeElement !== document.body) return;
    const there = new Set(files.map((file) => file.id));
    const neighbours = [...earlier.slice(place + 1), ...earlier.slice(0, Math.max(0, place)).reverse()];
    for (const neighbour of neighbours) {
      const card = there.has(neighbour.id) && element.querySelector<HTMLElement>(`[data-file="${neighbour.id}"]`);
      if (!card) continue;
      card.focus();
      return;
    }
    element.focus();
  }, [files]);

  return gone;
}
