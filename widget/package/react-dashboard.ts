/** `import {Dashboard} from 'chatdrop/react'`: the agent's chats and files as a component. React 18 and 19. */
import { type CSSProperties, createElement, type ReactElement } from 'react';
import type { AccessChangeEvent, ChatFilesDashboardElement } from '../dashboard/dashboard-element.tsx';
import { type ElementProps, type Listeners, useBeforePaint, useElement, useLatest } from './use-element.ts';

export type DashboardProps = ElementProps & {
  /** By default the token's; another one is refused. */
  companyId?: string;
  /** What is chosen stands in the page's address, behind `#`. */
  useHash?: boolean;
  /** It is 640 px high unless you say otherwise. */
  style?: CSSProperties;
  /** What its button does; without it there is none. */
  onSignIn?: () => void;
  onSignOut?: () => void;
  onAccessChange?: (access: AccessChangeEvent['detail']) => void;
};

const define = () => import('../dashboard/dashboard-element.tsx').then((element) => element.defineChatFilesDashboard());

const LISTENERS: Listeners<DashboardProps> = {
  'access-change': ({ onAccessChange }, event) => onAccessChange?.((event as AccessChangeEvent).detail),
};

/** The whole dashboard as a component. On the server it renders an empty element. */
export function Dashboard(props: DashboardProps): ReactElement {
  const { companyId, apiBaseUrl, useHash, locale, className, style } = props;
  const latest = useLatest(props);
  const ref = useElement<ChatFilesDashboardElement, DashboardProps>(props, define, LISTENERS);
  const hasSignIn = props.onSignIn !== undefined;
  const hasSignOut = props.onSignOut !== undefined;
  useBeforePaint(() => {
    if (!ref.current) return;
    ref.current.signIn = hasSignIn ? () => latest.current.onSignIn?.() : undefined;
    ref.current.signOut = hasSignOut ? () => latest.current.onSignOut?.() : undefined;
  }, [latest, hasSignIn, hasSignOut]);
  return createElement('chat-files-dashboard', {
    ref,
    'api-base-url': apiBaseUrl,
    'company-id': companyId,
    'use-hash': useHash ? '' : undefined,
    locale,
    class: className,
    style,
  });
}
