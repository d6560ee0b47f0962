/** Tokens from the host page: asked for over the port, answered when the page has one. */

export type HostTokens = {
  /** Rejects when the page has none. */
  get(): Promise<string>;
  /** The page's answer. */
  receive(token: string | null): void;
};

/** `ask` is called once for all who wait at the same time. */
export function createHostTokens(ask: () => void): HostTokens {
  let waiting: ((token: string | null) => void)[] = [];
  return {
    get: () =>
      new Promise((resolve, reject) => {
        waiting.push((token) => (token === null ? reject(new Error('The page has no token.')) : resolve(token)));
        if (waiting.length === 1) ask();
      }),
    receive(token) {
      const before = waiting;
      waiting = [];
      for (const tell of before) tell(token);
    },
  };
}
