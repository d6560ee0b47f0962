/** Tokens from the host page: asked for over the port, answered when the page has one. */

export type HostTokens = {
  /** Rejects when the page has none. */
  get(): Promise<string>;
  /** The page's answer. */
  receive(token: string | null): void;
};

/** `ask` is called for each who waits: the page may never have answered the one before. Any answer is for all. */
export function createHostTokens(ask: () => void): HostTokens {
  let waiting: ((token: string | null) => void)[] = [];
  return {
    get: () =>
      new Promise((resolve, reject) => {
        waiting.push((token) => (token === null ? reject(new Error('The page has no token.')) : resolve(token)));
        ask();
      }),
    receive(token) {
      const before = waiting;
      waiting = [];
      for (const tell of before) tell(token);
    },
  };
}
