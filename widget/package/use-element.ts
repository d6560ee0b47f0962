/** A custom element of ours as a React component: defined once it is on a page, given its properties before it starts. */
import { type RefObject, useEffect, useLayoutEffect, useRef } from 'react';
import type { ChatFilesError } from '../core/options.ts';
import type { WidgetElement } from '../element/widget-element.ts';
import type { Theme } from '../frame/frame-messages.ts';
import type { Strings } from '../words/dictionary.ts';

export type ElementProps = {
  /** Where Chatdrop runs; by default where the page comes from. */
  apiBaseUrl?: string;
  /** Another one takes over at once: nothing is started anew. Without it and `getToken` the `chatdrop` cookie counts. */
  jwt?: string;
  /** Asked whenever a token is needed and none is good any more. */
  getToken?: () => string | Promise<string>;
  locale?: string;
  theme?: Theme;
  /** Sentences of your own, by name. */
  strings?: Strings;
  className?: string;
  /** `unreachable`: the script of the element could not be loaded. */
  onError?: (error: ChatFilesError) => void;
};

/** By event; each is called with the props of the last render. */
export type Listeners<Props> = Record<string, (props: Props, event: Event) => void>;

/** `define` and `listeners` have to be the same at each render. */
export function useElement<Element extends WidgetElement, Props extends ElementProps>(
  props: Props,
  define: () => Promise<unknown>,
  listeners: Listeners<Props>,
): RefObject<Element | null> {
  const { jwt, getToken, theme, strings } = props;
  const element = useRef<Element>(null);
  const latest = useLatest(props);

  // Only here: a custom element cannot be defined where there is no DOM.
  useEffect(() => {
    define().catch((error: Error) => latest.current.onError?.({ code: 'unreachable', detail: error.message }));
  }, [latest, define]);

  // Before it starts, so that nothing that it tells is missed.
  useBeforePaint(() => {
    const target = element.current;
    if (!target) return;
    const stops = Object.entries(listeners).map(([type, listener]) => {
      const listen = (event: Event) => listener(latest.current, event);
      target.addEventListener(type, listen);
      return () => target.removeEventListener(type, listen);
    });
    return () => {
      for (const stop of stops) stop();
    };
  }, [latest, listeners]);

  // Properties, not attributes: React 18 would write functions and objects as text. The latest function is found when
  // it is called, so that one written inline does not count as a change.
  const hasGetToken = getToken !== undefined;
  useBeforePaint(() => {
    if (!element.current) return;
    element.current.getToken = hasGetToken ? () => latest.current.getToken?.() ?? '' : undefined;
    element.current.jwt = jwt;
    if (theme !== undefined) element.current.theme = theme;
    if (strings !== undefined) element.current.strings = strings;
  }, [latest, hasGetToken, jwt, theme, strings]);

  return element;
}

/** The element starts in the next microtask: later than this, it would start without its token. */
export const useBeforePaint = typeof document === 'undefined' ? useEffect : useLayoutEffect;

/** The props of the last render, for callbacks: a new function each render must not start anything anew. */
export function useLatest<T>(value: T): { readonly current: T } {
  const latest = useRef(value);
  useEffect(() => {
    latest.current = value;
  });
  return latest;
}
