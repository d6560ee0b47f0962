/** The demo page: one chat session seen from both sides, each with its own connection. */
import { render } from '@uppy/core/utils/preact';
import { useEffect, useRef, useState } from '@uppy/core/utils/preact/hooks';
import { io } from 'socket.io-client';
import type { Uploader as Side } from '../../server/contract/chat-file.ts';
import { takeClient } from '../core/feed-socket.ts';
import { type ChatFilesElement, defineChatFiles } from '../element/chat-files-element.tsx';
import { followColorScheme } from '../element/color-scheme.ts';
import { Icon } from '../ui/icons.tsx';
import { createDemoTokens, type DemoTokens, requestDemoTokens, takeTokensOfPage } from './demo-tokens.ts';
import { SideTabs, useCurrentSide, useTurnOfAgent } from './side-tabs.tsx';

type Session = { id: string; company: string; getToken: (side: Side) => Promise<string> };

function Demo() {
  const [session, setSession] = useState<Session | null>(sessionOfPage);
  const [problem, setProblem] = useState<string | null>(null);

  useEffect(() => {
    // Also when somebody pastes another link, or goes back.
    const onHashChange = () => void open(sessionInAddress());
    window.addEventListener('hashchange', onHashChange);
    if (session === null) void open(sessionInAddress());
    else nameInAddress(session);
    return () => window.removeEventListener('hashchange', onHashChange);
  }, []);

  async function open(sessionId: string | null): Promise<void> {
    try {
      show(await requestDemoTokens(sessionId));
    } catch (error) {
      setProblem((error as Error).message);
    }
  }

  function show(tokens: DemoTokens): void {
    const next = connect(tokens);
    setProblem(null);
    setSession(next);
    nameInAddress(next);
  }

  return (
    <>
      <header class="demo-header">
        <h1>
          <Icon name="drop" />
          Chatdrop
        </h1>
        <p>Share a file on either side: the other gets it at once.</p>
        <a class="demo-link" href="/dashboard/">
          Dashboard
        </a>
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
  const user = useRef<ChatFilesElement>(null);
  const agent = useRef<ChatFilesElement>(null);
  const { current, show } = useCurrentSide(stage);
  const isAgentDue = useTurnOfAgent(user, current);
  const [getToken] = useState(() => ({ user: () => session.getToken('user'), agent: () => session.getToken('agent') }));
  const locale = localeInAddress();
  const common = { 'company-id': session.company, 'session-id': session.id, ...(locale !== null && { locale }) };

  return (
    <>
      <SideTabs user={user} agent={agent} isAgentThere={isAgentDue} current={current} onShow={show} />
      <main class="stage" ref={stage}>
        <div class="phone">
          <chat-files
            {...common}
            ref={user}
            getToken={getToken.user}
            heading="Visitor"
            subheading="The chat on a website"
          />
        </div>
        <div class="dashboard">
          {isAgentDue && (
            <chat-files
              {...common}
              ref={agent}
              getToken={getToken.agent}
              heading="Agent"
              subheading={`The dashboard, chat ${session.id}`}
            />
          )}
        </div>
      </main>
    </>
  );
}

function connect(tokens: DemoTokens): Session {
  const demoTokens = createDemoTokens(tokens);
  return { id: tokens.session_id, company: tokens.company_id, getToken: demoTokens.get };
}

/** A new chat whose tokens the page has brought along: it is there with the first drawing, and nothing is asked for before. */
function sessionOfPage(): Session | null {
  const tokens = sessionInAddress() === null ? takeTokensOfPage() : null;
  return tokens && connect(tokens);
}

/** So that a reload, or the link on another device, shows the same chat. */
function nameInAddress({ id }: Session): void {
  if (sessionInAddress() !== id) history.pushState(null, '', `#${id}`);
}

/** `?locale=ar` tries a language; without it the browser's is spoken. The page's own words are English. */
function localeInAddress(): string | null {
  return new URLSearchParams(location.search).get('locale');
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

takeClient({ io });
defineChatFiles();
followColorScheme('auto', (scheme) => {
  document.body.dataset.theme = scheme;
});
render(<Demo />, document.getElementById('demo') as HTMLElement);
