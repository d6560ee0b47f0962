/** On a small screen: which side is in view, and tabs to go to the other one. */
import type { RefObject } from '@uppy/core/utils/preact';
import { useEffect, useLayoutEffect, useState } from '@uppy/core/utils/preact/hooks';
import type { Uploader as Side } from '../../server/contract/chat-file.ts';
import type { ChatFilesElement, FileSharedEvent } from '../element/chat-files-element.tsx';
import { useHeadStart } from '../ui/use-head-start.ts';

/** Both sides are always there and can be swiped; the tabs follow, and scroll. On a wide screen both are in view. */
export function useCurrentSide(stage: RefObject<HTMLElement>): { current: Side; show: (side: Side) => void } {
  const [current, setCurrent] = useState<Side>('user');
  useEffect(() => {
    const element = stage.current;
    if (!element) return;
    const onScroll = () => setCurrent(element.scrollLeft > element.clientWidth / 2 ? 'agent' : 'user');
    element.addEventListener('scroll', onScroll, { passive: true });
    return () => element.removeEventListener('scroll', onScroll);
  }, [stage]);
  return {
    current,
    show: (side) => stage.current?.scrollTo({ left: side === 'agent' ? stage.current.scrollWidth : 0 }),
  };
}

/** Whether it is the agent's turn: the visitor's side, which a phone shows first, has network and processor to itself until it is connected. */
export function useTurnOfAgent(user: RefObject<ChatFilesElement>, current: Side): boolean {
  const [isConnecting, setIsConnecting] = useState(true);
  useEffect(() => {
    const state = user.current?.chat?.state;
    const look = () => setIsConnecting(state?.get().connection.state === 'connecting');
    look();
    return state?.subscribe(look);
  }, [user]);
  return useHeadStart(isConnecting && current !== 'agent');
}

/** Counts what arrives on the side that is out of view. */
export function SideTabs(props: {
  user: RefObject<ChatFilesElement>;
  agent: RefObject<ChatFilesElement>;
  /** It comes later than the visitor's side. */
  isAgentThere: boolean;
  current: Side;
  onShow: (side: Side) => void;
}) {
  return (
    <nav class="tabs" aria-label="Sides of the chat">
      <SideTab
        side="user"
        element={props.user}
        isThere
        label="Visitor"
        isCurrent={props.current === 'user'}
        onShow={props.onShow}
      />
      <SideTab
        side="agent"
        element={props.agent}
        isThere={props.isAgentThere}
        label="Agent"
        isCurrent={props.current === 'agent'}
        onShow={props.onShow}
      />
    </nav>
  );
}

function SideTab(props: {
  side: Side;
  element: RefObject<ChatFilesElement>;
  isThere: boolean;
  label: string;
  isCurrent: boolean;
  onShow: (side: Side) => void;
}) {
  const { side, element, isThere, isCurrent } = props;
  const [unread, setUnread] = useState(0);
  useLayoutEffect(() => {
    setUnread(0);
    const chat = element.current;
    if (isCurrent || !chat) return;
    const onShared = (event: Event) => {
      if ((event as FileSharedEvent).detail.uploader !== side) setUnread((count) => count + 1);
    };
    chat.addEventListener('file-shared', onShared);
    return () => chat.removeEventListener('file-shared', onShared);
  }, [side, element, isThere, isCurrent]);
  return (
    <button type="button" aria-pressed={isCurrent} onClick={() => props.onShow(side)}>
      {props.label}
      {unread > 0 && (
        <span class="unread">
          {unread}
          <span class="visually-hidden"> new</span>
        </span>
      )}
    </button>
  );
}
