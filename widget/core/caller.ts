/** Who the caller is and which limits hold: from the token where it can be read, and from the server in any case. */
import type { ChatConfig, Uploader as Side } from '../../server/contract/chat-file.ts';
import type { Api } from './api.ts';
import { claimsOf } from './claims.ts';
import { createObservable, type Observable } from './observable.ts';
import { createRetry } from './retry.ts';
import type { TokenSource } from './token.ts';

export type CallerInfo = {
  /** `user` until it is known. */
  side: Observable<Side>;
  /** Null until the server has answered. */
  config: Observable<ChatConfig | null>;
  /** Resolves when `side` is true; rejects when it cannot be found out now. */
  known(): Promise<void>;
  /** Tries again at once where it waits for the next try. */
  hurry(): void;
  destroy(): void;
};

const FIRST_RETRY_MS = 2000;
const MAX_RETRY_MS = 60_000;

/** Asks for the configuration at once, and until it is there. */
export function createCallerInfo(needs: {
  api: Pick<Api, 'config'>;
  token: Pick<TokenSource, 'get'>;
  jwt: string | undefined;
}): CallerInfo {
  const roleInJwt = claimsOf(needs.jwt ?? '').role;
  const side = createObservable<Side>(roleInJwt ?? 'user');
  const config = createObservable<ChatConfig | null>(null);
  let isKnown = roleInJwt !== null;
  let loading: Promise<void> | null = null;
  const retry = createRetry({ firstMs: FIRST_RETRY_MS, maxMs: MAX_RETRY_MS });
  let destroyed = false;

  function learn(role: Side): void {
    isKnown = true;
    side.set(role);
  }

  async function load(): Promise<void> {
    const answer = await needs.api.config();
    learn(answer.caller.role);
    config.set(answer);
  }

  function loadOnce(): Promise<void> {
    loading ??= load().finally(() => {
      loading = null;
    });
    return loading;
  }

  function loadUntilThere(): void {
    if (destroyed || config.get() !== null) return;
    loadOnce().catch(() => {
      if (!destroyed) retry.later(loadUntilThere);
    });
  }

  loadUntilThere();
  return {
    side,
    config,
    async known() {
      if (isKnown) return;
      const token = await needs.token.get().catch(() => null);
      const { role } = claimsOf(token ?? '');
      if (role) learn(role);
      else await loadOnce();
    },
    hurry() {
      retry.reset();
      if (!loading) loadUntilThere();
    },
    destroy() {
      destroyed = true;
      retry.reset();
    },
  };
}
