/** The dashboard's page: signs an agent in, and holds `<chat-files-dashboard>` over the whole window. */
import { render } from '@uppy/core/utils/preact';
import { useEffect, useLayoutEffect, useRef, useState } from '@uppy/core/utils/preact/hooks';
import { type ChatFilesDashboardElement, defineChatFilesDashboard } from '../dashboard/dashboard-element.tsx';
import { followColorScheme } from '../element/color-scheme.ts';
import { useWords, WordsProvider } from '../ui/use-words.tsx';
import { errorText } from '../words/problem-words.ts';
import { cookieHolder, type Holder, SignInError, signOut } from './agent-session.ts';
import { SignIn } from './sign-in.tsx';

const OFFERS_DEMO = document.body.dataset.demo === 'offered';

function Page() {
  const words = useWords();
  /** Null until the server has said it. */
  const [holder, setHolder] = useState<Holder | null>(null);
  const [problem, setProblem] = useState<string | null>(null);
  /** Over what is there: signed in again, all goes on where it was. */
  const [asksAgain, setAsksAgain] = useState(false);
  const element = useRef<ChatFilesDashboardElement>(null);

  useEffect(() => {
    document.documentElement.lang = words.locale;
    document.documentElement.dir = words.dir;
  }, [words]);
  useEffect(() => void look(), []);

  async function look(): Promise<void> {
    setProblem(null);
    await attempt(async () => setHolder(await cookieHolder()));
  }

  async function leave(): Promise<void> {
    await attempt(async () => {
      await signOut();
      setHolder('nobody');
    });
  }

  async function attempt(work: () => Promise<void>): Promise<void> {
    try {
      await work();
    } catch (error) {
      setProblem(errorText(words, error instanceof SignInError ? error : {}));
    }
  }

  if (problem !== null) {
    return (
      <div class="page-problem" role="alert">
        <p>{problem}</p>
        <button type="button" class="text-button" onClick={() => void look()}>
          {words.label('tryAgain')}
        </button>
      </div>
    );
  }
  if (holder === null) return null;
  if (holder !== 'agent') {
    return (
      <SignIn
        offersDemo={OFFERS_DEMO}
        note={holder === 'visitor' ? words.label('tokenOfVisitor') : null}
        onSignedIn={() => setHolder('agent')}
      />
    );
  }
  return (
    <>
      <chat-files-dashboard
        use-hash
        locale={words.locale}
        ref={element}
        signIn={() => setAsksAgain(true)}
        signOut={() => void leave()}
      />
      {asksAgain && (
        <SignInAgain
          onClose={(isSignedIn) => {
            setAsksAgain(false);
            if (isSignedIn) element.current?.tryAgain();
          }}
        />
      )}
    </>
  );
}

function SignInAgain({ onClose }: { onClose: (isSignedIn: boolean) => void }) {
  const dialog = useRef<HTMLDialogElement>(null);
  useLayoutEffect(() => dialog.current?.showModal(), []);
  return (
    <dialog ref={dialog} aria-labelledby="sign-in-title" onCancel={() => onClose(false)}>
      <SignIn offersDemo={OFFERS_DEMO} note={null} onSignedIn={() => onClose(true)} onCancel={() => onClose(false)} />
    </dialog>
  );
}

// A file that misses the chat must not replace the page.
for (const type of ['dragover', 'drop'] as const) {
  document.addEventListener(type, (event) => {
    if (event.defaultPrevented) return;
    event.preventDefault();
    if (event.dataTransfer) event.dataTransfer.dropEffect = 'none';
  });
}

defineChatFilesDashboard();
followColorScheme('auto', (scheme) => {
  document.body.dataset.theme = scheme;
});
render(
  <WordsProvider>
    <Page />
  </WordsProvider>,
  document.getElementById('dashboard') as HTMLElement,
);
