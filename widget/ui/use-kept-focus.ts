/** Keeps the keyboard's place when the button that has the focus goes, or the whole card with it. */
import type { RefObject } from '@uppy/core/utils/preact';
import { useLayoutEffect, useRef } from '@uppy/core/utils/preact/hooks';

const BUTTON = 'button:not([disabled]), a[href], input';

/** `card` is an `<article>` in an `<li>`: the focus goes to its first button, else to the next card, else to the list. */
export function useKeptFocus(card: RefObject<HTMLElement>): void {
  const hadFocus = useRef(false);

  // As soon as the card can have the focus.
  useLayoutEffect(() => {
    const element = card.current;
    if (!element) return;
    const onIn = () => {
      hadFocus.current = true;
    };
    const onOut = (event: FocusEvent) => {
      // To somewhere else: a button that is removed leaves to nowhere.
      if (event.relatedTarget !== null) hadFocus.current = element.contains(event.relatedTarget as Node);
    };
    const onPointer = (event: Event) => {
      if (!event.composedPath().includes(element)) hadFocus.current = false;
    };
    element.addEventListener('focusin', onIn);
    element.addEventListener('focusout', onOut);
    document.addEventListener('pointerdown', onPointer);
    return () => {
      element.removeEventListener('focusin', onIn);
      element.removeEventListener('focusout', onOut);
      document.removeEventListener('pointerdown', onPointer);
    };
  }, [card]);

  // After each change of the card.
  useLayoutEffect(() => {
    const element = card.current;
    if (hadFocus.current && element && isNowhere(element)) focusIn(element);
  });

  useLayoutEffect(
    () => () => {
      const item = card.current?.closest('li');
      if (!hadFocus.current || !item) return;
      const root = item.getRootNode() as ShadowRoot;
      const near = [item.nextElementSibling, item.previousElementSibling].find((each) => each?.querySelector(BUTTON));
      const list = item.closest<HTMLElement>('[tabindex]');
      queueMicrotask(() => {
        if (root.activeElement !== null && root.activeElement !== document.body) return;
        const target = near?.isConnected ? near.querySelector<HTMLElement>(BUTTON) : null;
        (target ?? list)?.focus();
      });
    },
    [card],
  );
}

function isNowhere(element: HTMLElement): boolean {
  const { activeElement } = element.getRootNode() as ShadowRoot | Document;
  return activeElement === null || activeElement === document.body;
}

function focusIn(element: HTMLElement): void {
  const button = element.querySelector<HTMLElement>(BUTTON);
  if (!button) element.tabIndex = -1;
  (button ?? element).focus({ preventScroll: true });
}
