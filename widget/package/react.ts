/** `import {FileUpload, useChatFiles} from 'chatdrop/react'`: thin, since the element and the core do the work. React 18 and 19. */
import {
  type CSSProperties,
  createElement,
  type ReactElement,
  useEffect,
  useLayoutEffect,
  useRef,
  useState,
  useSyncExternalStore,
} from 'react';
import type { ChatFile } from '../../server/contract/chat-file.ts';
import { type ChatFiles, type ChatFilesState, createChatFiles } from '../core/chat-files.ts';
import type { ChatFilesError, ChatFilesOptions } from '../core/options.ts';
import type { ChatErrorEvent, ChatFilesElement, FileSharedEvent } from '../element/chat-files-element.tsx';
import type { Theme } from '../frame/frame-messages.ts';
import type { Strings } from '../words/dictionary.ts';

export type { ChatFile } from '../../server/contract/chat-file.ts';
export type { ChatFiles, ChatFilesState } from '../core/chat-files.ts';
export type { ChatFilesError, ChatFilesOptions } from '../core/options.ts';
export type { Theme } from '../frame/frame-messages.ts';
export type { Strings } from '../words/dictionary.ts';

export type FileUploadProps = {
  companyId: string;
  sessionId: string;
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
  heading?: string;
  className?: string;
  /** It is 480 px high unless you say otherwise. */
  style?: CSSProperties;
  onFileShared?: (file: ChatFile) => void;
  onError?: (error: ChatFilesError) => void;
};

/** The whole widget as a component. On the server it renders an empty element. */
export function FileUpload(props: FileUploadProps): ReactElement {
  const { companyId, sessionId, apiBaseUrl, jwt, getToken, locale, theme, strings, heading, className, style } = props;
  const element = useRef<ChatFilesElement>(null);
  const latest = useLatest(props);

  useEffect(() => {
    const target = element.current;
    if (!target) return;
    // Only here: a custom element cannot be defined where there is no DOM.
    import('../element/chat-files-element.tsx').then(
      ({ defineChatFiles }) => defineChatFiles(),
      (error: Error) => latest.current.onError?.({ code: 'unreachable', detail: error.message }),
    );
    const onShared = (event: Event) => latest.current.onFileShared?.((event as FileSharedEvent).detail);
    const onError = (event: Event) => latest.current.onError?.((event as ChatErrorEvent).detail);
    target.addEventListener('file-shared', onShared);
    target.addEventListener('chat-error', onError);
    return () => {
      target.removeEventListener('file-shared', onShared);
      target.removeEventListener('chat-error', onError);
    };
  }, [latest]);

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

  return createElement('chat-files', {
    ref: element,
    'api-base-url': apiBaseUrl,
    'company-id': companyId,
    'session-id': sessionId,
    locale,
    heading,
    // React 18 knows no className on custom elements.
    class: className,
    style,
  });
}

/** The headless core for a user interface of your own: `null` until mounted, then the state and the commands. */
export function useChatFiles(options: ChatFilesOptions): (ChatFilesState & { commands: ChatFiles }) | null {
  const { companyId, sessionId, apiBaseUrl, jwt } = options;
  const latest = useLatest(options);
  const [chat, setChat] = useState<ChatFiles | null>(null);
  const hasGetToken = options.getToken !== undefined;
  const hasJwt = jwt !== undefined;

  useEffect(() => {
    const { current } = latest;
    const next = createChatFiles({
      companyId,
      sessionId,
      apiBaseUrl,
      ...(hasJwt && { jwt: current.jwt }),
      ...(hasGetToken && { getToken: () => latest.current.getToken?.() ?? '' }),
      onFileShared: (file) => latest.current.onFileShared?.(file),
      onError: (error) => latest.current.onError?.(error),
    });
    setChat(next);
    return () => {
      next.destroy();
      setChat(null);
    };
  }, [companyId, sessionId, apiBaseUrl, hasJwt, hasGetToken, latest]);

  useEffect(() => {
    if (jwt !== undefined) chat?.setToken(jwt);
  }, [chat, jwt]);

  const state = useSyncExternalStore(
    chat ? chat.state.subscribe : neverChanges,
    () => chat?.state.get() ?? null,
    () => null,
  );
  return chat && state && { ...state, commands: chat };
}

/** The element starts in the next microtask: later than this, it would start without its token. */
const useBeforePaint = typeof document === 'undefined' ? useEffect : useLayoutEffect;

const neverChanges = () => () => {};

/** The props of the last render, for callbacks: a new function each render must not start anything anew. */
function useLatest<T>(value: T): { readonly current: T } {
  const latest = useRef(value);
  useEffect(() => {
    latest.current = value;
  });
  return latest;
}
