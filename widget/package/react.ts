/** `import {FileUpload, useChatFiles} from 'chatdrop/react'`: thin, since the element and the core do the work. React 18 and 19. */
import { type CSSProperties, createElement, type ReactElement, useEffect, useState, useSyncExternalStore } from 'react';
import type { ChatFile } from '../../server/contract/chat-file.ts';
import { type ChatFiles, type ChatFilesState, createChatFiles } from '../core/chat-files.ts';
import type { ChatFilesOptions } from '../core/options.ts';
import type { ChatErrorEvent, ChatFilesElement, FileSharedEvent } from '../element/chat-files-element.tsx';
import { type ElementProps, type Listeners, useElement, useLatest } from './use-element.ts';

export type { ChatFile } from '../../server/contract/chat-file.ts';
export type { ChatFiles, ChatFilesState } from '../core/chat-files.ts';
export type { ChatFilesError, ChatFilesOptions } from '../core/options.ts';
export type { Theme } from '../frame/frame-messages.ts';
export type { Strings } from '../words/dictionary.ts';
export { Dashboard, type DashboardProps } from './react-dashboard.ts';

export type FileUploadProps = ElementProps & {
  companyId: string;
  sessionId: string;
  heading?: string;
  /** It is 480 px high unless you say otherwise. */
  style?: CSSProperties;
  onFileShared?: (file: ChatFile) => void;
};

const define = () => import('../element/chat-files-element.tsx').then((element) => element.defineChatFiles());

const LISTENERS: Listeners<FileUploadProps> = {
  'file-shared': ({ onFileShared }, event) => onFileShared?.((event as FileSharedEvent).detail),
  'chat-error': ({ onError }, event) => onError?.((event as ChatErrorEvent).detail),
};

/** The whole widget as a component. On the server it renders an empty element. */
export function FileUpload(props: FileUploadProps): ReactElement {
  const { companyId, sessionId, apiBaseUrl, locale, heading, className, style } = props;
  const ref = useElement<ChatFilesElement, FileUploadProps>(props, define, LISTENERS);
  return createElement('chat-files', {
    ref,
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

const neverChanges = () => () => {};
