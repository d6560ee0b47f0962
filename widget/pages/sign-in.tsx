/** Asks for an agent's token, and says how to get one. */
import { useLayoutEffect, useRef, useState } from '@uppy/core/utils/preact/hooks';
import { Icon } from '../ui/icons.tsx';
import { useWords } from '../ui/use-words.tsx';
import { errorText } from '../words/problem-words.ts';
import { type Holder, SignInError, signIn, signInToDemo } from './agent-session.ts';

/** `note`: why it asks, where that is not plain. */
export function SignIn(props: {
  offersDemo: boolean;
  note: string | null;
  onSignedIn: () => void;
  onCancel?: (() => void) | undefined;
}) {
  const words = useWords();
  const field = useRef<HTMLTextAreaElement>(null);
  const [token, setToken] = useState('');
  const [problem, setProblem] = useState<string | null>(props.note);
  const [isBusy, setIsBusy] = useState(false);
  useLayoutEffect(() => field.current?.focus(), []);

  async function run(work: () => Promise<Holder>): Promise<void> {
    setIsBusy(true);
    setProblem(null);
    try {
      if ((await work()) === 'agent') return props.onSignedIn();
      setProblem(words.label('tokenOfVisitor'));
    } catch (error) {
      const isRefused = error instanceof SignInError && error.answer?.status === 401;
      setProblem(isRefused ? words.label('tokenRefused') : errorText(words, error as SignInError));
    }
    setIsBusy(false);
    field.current?.focus();
  }

  return (
    <form
      class="sign-in"
      onSubmit={(event) => {
        event.preventDefault();
        if (!isBusy && token.trim() !== '') void run(() => signIn(token));
      }}
    >
      <span class="sign-in-icon">
        <Icon name="drop" />
      </span>
      <h1 id="sign-in-title">Chatdrop</h1>
      <label for="agent-token">{words.label('agentToken')}</label>
      <textarea
        id="agent-token"
        ref={field}
        rows={3}
        value={token}
        autoComplete="off"
        autoCapitalize="off"
        spellcheck={false}
        aria-describedby="token-hint"
        aria-invalid={problem !== null}
        onInput={(event) => setToken(event.currentTarget.value)}
        onKeyDown={(event) => {
          if (event.key !== 'Enter' || event.shiftKey) return;
          event.preventDefault();
          event.currentTarget.form?.requestSubmit();
        }}
      />
      {problem !== null && (
        <p class="sign-in-problem" role="alert">
          {problem}
        </p>
      )}
      <button type="submit" class="primary" disabled={isBusy || token.trim() === ''}>
        {words.label('signIn')}
      </button>
      {props.offersDemo && (
        <button type="button" class="secondary" disabled={isBusy} onClick={() => void run(signInToDemo)}>
          {words.label('demoData')}
        </button>
      )}
      {props.onCancel && (
        <button type="button" class="text-button" onClick={props.onCancel}>
          {words.label('cancel')}
        </button>
      )}
      <div class="token-hint" id="token-hint">
        <p>{words.label('tokenHint')}</p>
        <code dir="ltr">{'chatdrop token --company ACME \\\n  --role agent --sub ANNA'}</code>
      </div>
    </form>
  );
}
