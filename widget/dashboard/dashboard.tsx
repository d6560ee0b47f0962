/** The dashboard: a line above, chats on the left, what was chosen on the right; on a narrow screen one of the two. */
import { useEffect, useLayoutEffect, useRef, useState } from '@uppy/core/utils/preact/hooks';
import { Icon } from '../ui/icons.tsx';
import { useObservable } from '../ui/use-observable.ts';
import { useWords } from '../ui/use-words.tsx';
import { connectionText } from '../words/state-words.ts';
import { ChatList } from './chat-list.tsx';
import { ChatView } from './chat-view.tsx';
import type { Company } from './company.ts';
import { useParts, usePlace } from './dashboard-context.tsx';
import { useNews } from './use-news.ts';

/** Both panes side by side from here on, CSS pixels. */
const TWO_PANES_PX = 760;

/** `signIn` and `signOut`: what their buttons do; without them there are none. */
export function Dashboard(props: { signIn: (() => void) | undefined; signOut: (() => void) | undefined }) {
  const { company } = useParts();
  const words = useWords();
  const { chats, connection, access, problem } = useObservable(company.state);
  const root = useRef<HTMLDivElement>(null);
  const heading = useRef<HTMLHeadingElement>(null);
  const hasTwoPanes = useTwoPanes(root);
  const place = usePlace();
  const shows = { list: hasTwoPanes || place.kind === 'none', content: hasTwoPanes || place.kind !== 'none' };
  const news = useNews(company);
  useFocusOnChange(root, heading, hasTwoPanes);

  return (
    <div
      class="dashboard"
      lang={words.locale}
      dir={words.dir}
      data-panes={hasTwoPanes ? 'two' : 'one'}
      data-shows={shows.list ? 'list' : 'content'}
      data-connection={connection.state}
      ref={root}
    >
      <header class="top">
        <h1 class="brand">
          <Icon name="drop" />
          Chatdrop
        </h1>
        {chats !== null && <bdi class="company">{chats.caller.company_id}</bdi>}
        <span class="connection" data-state={connection.state} role="status">
          {connectionText(words, connection)}
        </span>
        {props.signOut && (
          <button
            type="button"
            class="icon-button"
            aria-label={words.label('signOut')}
            title={words.label('signOut')}
            onClick={props.signOut}
          >
            <Icon name="leave" />
          </button>
        )}
      </header>
      <Trouble company={company} access={access} problem={problem} signIn={props.signIn} />
      {chats === null ? (
        <p class="list-note">{problem === null && access === 'ok' && words.label('loading')}</p>
      ) : (
        <div class="panes">
          <nav class="list-pane" aria-label={words.label('sessions')} hidden={!shows.list}>
            <ChatList rows={chats.rows} canSeeAllFiles={chats.caller.session_id === null} />
          </nav>
          <div class="content-pane" hidden={!shows.content}>
            <ChatView chats={chats} heading={heading} isAlone={!hasTwoPanes} />
          </div>
        </div>
      )}
      <p class="visually-hidden" role="status">
        {news}
      </p>
    </div>
  );
}

/** What keeps the dashboard from being true, and what to do. All that is there stays in view. */
function Trouble(props: {
  company: Company;
  access: 'ok' | 'expired' | 'refused';
  problem: 'visitor' | 'away' | null;
  signIn: (() => void) | undefined;
}) {
  const words = useWords();
  const { company, access, problem, signIn } = props;
  if (access !== 'ok' || problem === 'visitor') {
    const sentence =
      problem === 'visitor' ? 'tokenOfVisitor' : access === 'expired' ? 'sessionExpired' : 'tokenRefused';
    return (
      <div class="trouble" role="alert">
        <span>{words.label(sentence)}</span>
        {signIn && (
          <button type="button" class="text-button" onClick={signIn}>
            {words.label('signInAgain')}
          </button>
        )}
      </div>
    );
  }
  if (problem === null) return null;
  return (
    <div class="trouble" role="alert">
      <span>{words.label('problem-network')}</span>
      <button type="button" class="text-button" onClick={() => company.tryAgain()}>
        {words.label('tryAgain')}
      </button>
    </div>
  );
}

function useTwoPanes(root: { current: HTMLElement | null }): boolean {
  const [hasTwo, setHasTwo] = useState(true);
  useLayoutEffect(() => {
    const element = root.current;
    if (!element) return;
    const measure = () => setHasTwo(element.clientWidth >= TWO_PANES_PX);
    const observer = new ResizeObserver(measure);
    observer.observe(element);
    measure();
    return () => observer.disconnect();
  }, [root]);
  return hasTwo;
}

/** Where one pane takes the other's place, or what had the focus is gone, the focus goes along, and comes back to where it was. */
function useFocusOnChange(
  root: { current: HTMLElement | null },
  heading: { current: HTMLElement | null },
  hasTwoPanes: boolean,
): void {
  const place = usePlace();
  const before = useRef(place);
  // With the change itself: a key that is pressed at once goes to what is seen.
  useLayoutEffect(() => {
    const last = before.current;
    before.current = place;
    if (last === place) return;
    if (place.kind !== 'none') {
      if (isNowhere() || (!hasTwoPanes && last.kind === 'none')) heading.current?.focus();
    } else if (!hasTwoPanes) {
      const back = last.kind === 'chat' ? `[data-id="${last.id}"]` : '.all-files';
      root.current?.querySelector<HTMLElement>(back)?.focus();
    }
  }, [place, hasTwoPanes, root, heading]);
  // And a frame later: only then has the browser taken the focus from what is hidden now.
  const isFirst = useRef(true);
  useEffect(() => {
    if (!isFirst.current && place.kind !== 'none' && isNowhere()) heading.current?.focus();
    isFirst.current = false;
  }, [place, heading]);
}

function isNowhere(): boolean {
  return document.activeElement === document.body;
}
