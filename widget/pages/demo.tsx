/** The demo page: one chat session seen from both sides, each with its own connection. */
import { render } from '@uppy/core/utils/preact';
import { useEffect, useRef, useState } from '@uppy/core/utils/preact/hooks';
import type { Uploader as Side } from '../../server/contract/chat-file.ts';
import { type ChatFiles, createChatFiles } from '../core/chat-files.ts';
import { ChatPane } from '../ui/chat-pane.tsx';
import { Icon } from '../ui/icons.tsx';
import { createDemoTokens, type DemoTokens, requestDemoTokens } from './demo-tokens.ts';
import { SideTabs, useCurrentSide } from './side-tabs.tsx';

type Session = { id: string; user: ChatFiles; agent: ChatFiles };

function Demo() {
  const [session, setSession] = useState<Session | null>(null);
  const [problem, setProblem] = useState<string | null>(null);

  useEffect(() => {
    // Also when somebody pastes another link, or goes back.
    const onHashChange = () => void open(sessionInAddress());
    window.addEventListener('hashchange', onHashChange);
    void open(sessionInAddress());
    return () => window.removeEventListener('hashchange', onHashChange);
  }, []);

  async function open(sessionId: string | null): Promise<void> {
    try {
      const next = connect(await requestDemoTokens(sessionId));
      setProblem(null);
      setSession((before) => {
        before?.user.destroy();
        before?.agent.destroy();
        return next;
      });
      // So that a reload, or the link on another device, shows the same chat.
      if (sessionInAddress() !== next.id) history.pushState(null, '', `#${next.id}`);
    } catch (error) {
      setProblem((error as Error).message);
    }
  }

  return (
    <>
      <header class="demo-header">
        <h1>
          <Icon name="drop" />
          Chatdrop
        </h1>
        <p>Share a file on either side: the other gets it at once.</p>
        <button type="button" class="new-chat" onClick={() => void open(null)}>
          <Icon name="plus" />
          New chat
        </button>
      </header>
      {problem !== null && (
        <div class="demo-problem" role="alert">
          <p>{problem}</p>
          <button type="button" class="text-button" onClick={() => void open(sessionInAddress())}>
            Try again
          </button>
        </div>
      )}
      {session !== null && problem === null && <Stage key={session.id} session={session} />}
    </>
  );
}

function Stage({ session }: { session: Session }) {
  const stage = useRef<HTMLElement>(null);
  const { current, show } = useCurrentSide(stage);
  /** A paste goes to the side that was touched last. */
  const pasteSide = useRef<Side>('user');
  const touch = (side: Side) => {
    pasteSide.current = side;
  };
  const [isPasteTarget] = useState(() => ({
    user: () => pasteSide.current === 'user',
    agent: () => pasteSide.current === 'agent',
  }));
  const track = (side: Side) => ({
    onPointerEnter: () => touch(side),
    onPointerDown: () => touch(side),
    onFocusIn: () => touch(side),
  });

  return (
    <>
      <SideTabs user={session.user} agent={session.agent} current={current} onShow={show} />
      <main class="stage" ref={stage}>
        <div class="phone" {...track('user')}>
          <ChatPane
            chat={session.user}
            title="Visitor"
            subtitle="The chat on a website"
            isPasteTarget={isPasteTarget.user}
          />
        </div>
        <div class="dashboard" {...track('agent')}>
          <ChatPane
            chat={session.agent}
            title="Agent"
            subtitle={`The dashboard, chat ${session.id}`}
            isPasteTarget={isPasteTarget.agent}
          />
        </div>
      </main>
    </>
  );
}

function connect(tokens: DemoTokens): Session {
  const demoTokens = createDemoTokens(tokens);
  const chatOf = (side: Side) =>
    createChatFiles({
      apiBaseUrl: location.origin,
      companyId: tokens.company_id,
      sessionId: tokens.session_id,
      getToken: () => demoTokens.get(side),
    });
  return { id: tokens.session_id, user: chatOf('user'), agent: chatOf('agent') };
}

function sessionInAddress(): string | null {
  const id = location.hash.slice(1);
  return /^[A-Za-z0-9_-]{1,64}$/.test(id) ? id : null;
}

// A file that misses both sides must not replace the page.
for (const type of ['dragover', 'drop'] as const) {
  document.addEventListener(type, (event) => {
    if (event.defaultPrevented) return;
    event.preventDefault();
    if (event.dataTransfer) event.dataTransfer.dropEffect = 'none';
  });
}

render(<Demo />, document.getElementById('demo') as HTMLElement);
