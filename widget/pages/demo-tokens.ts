/** Tokens for both sides of a demo chat, from the server's development mode. */

export type DemoTokens = {
  company_id: string;
  session_id: string;
  user_token: string;
  agent_token: string;
  /** An agent's, for all chats of the demo. */
  dashboard_token: string;
  /** RFC 3339, or seconds since 1970: only its presence is relied on, the tokens say themselves when they end. */
  expires_at: string | number;
};

const REQUEST_TIMEOUT_MS = 10_000;
/** Both sides ask at the same moments: one answer serves both. */
const SHARED_MS = 3000;

/** Asks for the tokens of a session, or of a new one. Rejects with a sentence for a person. */
export async function requestDemoTokens(sessionId: string | null): Promise<DemoTokens> {
  const response = await fetch('/demo/tokens', {
    method: 'POST',
    headers: { 'Content-Type': 'application/json' },
    body: JSON.stringify(sessionId === null ? {} : { session_id: sessionId }),
    signal: AbortSignal.timeout(REQUEST_TIMEOUT_MS),
  }).catch(() => {
    throw new Error('The server cannot be reached. Is it running?');
  });
  if (response.status === 404) throw new Error('The demo is only there in development mode.');
  if (!response.ok) throw new Error(`The server gave no demo tokens (${response.status}).`);
  return (await response.json()) as DemoTokens;
}

/** Those of a new chat, which the page brings along: once, since the next new chat is another. */
export function takeTokensOfPage(): DemoTokens | null {
  const { tokens } = document.body.dataset;
  delete document.body.dataset.tokens;
  return tokens ? (JSON.parse(tokens) as DemoTokens) : null;
}

/** Hands out one session's tokens and renews them when asked again later. */
export function createDemoTokens(first: DemoTokens): { get(side: 'user' | 'agent'): Promise<string> } {
  let current = Promise.resolve(first);
  let askedAt = Date.now();
  return {
    async get(side) {
      if (Date.now() - askedAt > SHARED_MS) {
        askedAt = Date.now();
        current = requestDemoTokens(first.session_id);
        // A failed renewal is not kept for the next one who asks.
        current.catch(() => {
          askedAt = 0;
        });
      }
      const tokens = await current;
      return side === 'user' ? tokens.user_token : tokens.agent_token;
    },
  };
}
