/** The operator's page: asks for the admin token, keeps it in memory, and shows what the server says. */
import { render } from '@uppy/core/utils/preact';
import { useCallback, useEffect, useLayoutEffect, useMemo, useRef, useState } from '@uppy/core/utils/preact/hooks';
import { type AdminApi, AdminError, createAdminApi } from '../admin/admin-api.ts';
import { Analytics } from '../admin/analytics.tsx';
import { Now } from '../admin/now.tsx';
import { timeOfDay } from '../admin/say.ts';
import { usePolled } from '../admin/use-polled.ts';
import { followColorScheme } from '../element/color-scheme.ts';
import { Icon } from '../ui/icons.tsx';

const READ_EVERY_MS = 5000;
/** They are looked for among all open uploads. */
const READ_JOBS_EVERY_MS = 15_000;

/**
 * In memory only: other pages of this origin, and whatever is served from it, can read its storage. A reload asks again, and a
 * password manager may answer.
 */
function Page() {
  const [token, setToken] = useState<string | null>(null);
  const [note, setNote] = useState<string | null>(null);
  const leave = useCallback((why: string | null) => {
    setToken(null);
    setNote(why);
  }, []);
  if (document.body.dataset.token !== 'set') return <NoToken />;
  if (token === null) return <SignIn note={note} onToken={setToken} />;
  return <Operator token={token} onLeave={leave} />;
}

function NoToken() {
  return (
    <main class="sign-in">
      <Brand />
      <h1>There is no operator yet</h1>
      <p>
        This page, and the API that it reads, are closed until the server has an admin token. Make one, and start again:
      </p>
      <code class="code">{'ADMIN_TOKEN=$(openssl rand -base64 32)'}</code>
      <p class="note">
        Keep it as you keep the keys of the database. <code>ADMIN_ADDRESSES</code> says from which addresses it may be
        used.
      </p>
    </main>
  );
}

function SignIn({ note, onToken }: { note: string | null; onToken: (token: string) => void }) {
  const field = useRef<HTMLInputElement>(null);
  const [problem, setProblem] = useState<string | null>(note);
  const [isBusy, setIsBusy] = useState(false);
  useLayoutEffect(() => field.current?.focus(), []);

  async function run(): Promise<void> {
    // A header takes no line breaks; what was copied from a terminal may have some.
    const token = (field.current?.value ?? '').replaceAll(/\s/g, '');
    if (isBusy || token === '') return;
    setIsBusy(true);
    setProblem(null);
    try {
      await createAdminApi(token).health();
      onToken(token);
      return;
    } catch (error) {
      const answer = error instanceof AdminError ? error.answer : null;
      setProblem(
        answer?.status === 401
          ? 'That is not the admin token.'
          : (answer?.detail ?? 'The server does not answer. Try again in a moment.'),
      );
    }
    setIsBusy(false);
    field.current?.select();
  }

  return (
    <main>
      <form
        class="sign-in"
        onSubmit={(event) => {
          event.preventDefault();
          void run();
        }}
      >
        <Brand />
        <h1>Operator</h1>
        <input
          type="text"
          name="username"
          autoComplete="username"
          value="operator"
          class="visually-hidden"
          tabIndex={-1}
          aria-hidden="true"
          readOnly
        />
        <label for="admin-token">Admin token</label>
        <input
          id="admin-token"
          ref={field}
          type="password"
          autoComplete="current-password"
          spellcheck={false}
          required
          aria-describedby="token-hint"
          aria-invalid={problem !== null}
        />
        {problem !== null && (
          <p class="fault" role="alert">
            {problem}
          </p>
        )}
        <button type="submit" class="primary" disabled={isBusy}>
          {isBusy ? 'Looking…' : 'Open'}
        </button>
        <p class="note" id="token-hint">
          The server’s <code>ADMIN_TOKEN</code>. It stays in this tab’s memory: closing or reloading the page forgets
          it.
        </p>
      </form>
    </main>
  );
}

type Place = { tab: 'now' } | { tab: 'analytics'; company: string | null };

function Operator({ token, onLeave }: { token: string; onLeave: (why: string | null) => void }) {
  const api = useMemo(() => createAdminApi(token), [token]);
  const place = usePlace();
  const [problem, setProblem] = useState<AdminError | null>(null);
  const [since, setSince] = useState<string | null>(null);
  useEffect(() => {
    if (problem?.answer?.status === 401) onLeave('The admin token was changed. Type in the new one.');
  }, [problem]);
  const note = useCallback((next: AdminError | null) => {
    setProblem(next);
    if (next === null) setSince(new Date().toISOString());
  }, []);
  return (
    <>
      <header class="top">
        <Brand />
        <nav aria-label="Parts of this page">
          <a href="#now" aria-current={place.tab === 'now' ? 'page' : undefined}>
            Now
          </a>
          <a href="#analytics" aria-current={place.tab === 'analytics' ? 'page' : undefined}>
            Analytics
          </a>
        </nav>
        <span class="live" data-state={problem === null ? 'live' : 'away'}>
          {problem === null ? 'Live' : 'Away'}
        </span>
        <button type="button" class="text-button" onClick={() => onLeave(null)}>
          Close
        </button>
      </header>
      <main class="page">
        <h1 class="visually-hidden">{place.tab === 'now' ? 'The server now' : 'Analytics'}</h1>
        <div role="status">{problem !== null && <Away problem={problem} since={since} />}</div>
        {place.tab === 'now' ? (
          <NowTab api={api} onProblem={note} />
        ) : (
          <Analytics api={api} company={place.company} onProblem={note} />
        )}
      </main>
    </>
  );
}

function NowTab({ api, onProblem }: { api: AdminApi; onProblem: (problem: AdminError | null) => void }) {
  const health = usePolled(api.health, READ_EVERY_MS);
  const overview = usePolled(api.overview, READ_EVERY_MS);
  const jobs = usePolled(api.jobs, READ_JOBS_EVERY_MS);
  const problem = health.problem ?? overview.problem;
  useEffect(() => onProblem(problem), [problem, overview.value]);
  return <Now health={health.value} overview={overview.value} jobs={jobs.value} />;
}

function Away({ problem, since }: { problem: AdminError; since: string | null }) {
  return (
    <div class="away">
      <Icon name="warning" />
      <p>
        <b>{problem.answer === null ? 'The server does not answer.' : problem.message}</b>{' '}
        {since === null
          ? 'It is asked again every few seconds.'
          : `What you see is of ${timeOfDay(since)}. It is asked again every few seconds.`}
      </p>
    </div>
  );
}

function Brand() {
  return (
    <span class="brand">
      <span class="brand-icon">
        <Icon name="drop" />
      </span>
      <b>Chatdrop</b>
    </span>
  );
}

/** From the address, so that "back" goes back, and a company's numbers can be kept as a bookmark. */
function usePlace(): Place {
  const [place, setPlace] = useState(readPlace);
  useEffect(() => {
    const look = () => setPlace(readPlace());
    addEventListener('hashchange', look);
    return () => removeEventListener('hashchange', look);
  }, []);
  return place;
}

function readPlace(): Place {
  const [, company] = /^#analytics(?:\/([A-Za-z0-9_-]{1,64}))?$/.exec(location.hash) ?? [];
  return location.hash.startsWith('#analytics') ? { tab: 'analytics', company: company ?? null } : { tab: 'now' };
}

followColorScheme('auto', (scheme) => {
  document.body.dataset.theme = scheme;
});
render(<Page />, document.getElementById('admin') as HTMLElement);
