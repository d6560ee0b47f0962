/** Tokens from the host page: asked for over the port, answered when the page has one. */

export type HostTokens = {
  /** Rejects when the page has none. */
  get(): Promise<string>;
  /** The page's answer. */
  receive(token: string | null): void;
  /** A token that the page hands over without being asked. */
  renew(token: string): void;
};

/** `ask` is called once for all who wait at the same time. */
export function createHostTokens(ask: () => void): HostTokens {
  let waiting: PromiseWithResolvers<string> | null = null;
  let next: string | null = null;
  return {
    get() {
      if (next !== null) {
        const token = next;
        next = null;
        return Promise.resolve(token);
      }
      if (!waiting) {
        waiting = Promise.withResolvers();
        ask();
      }
      return waiting.promise;
    },
    receive(token) {
      if (token === null) waiting?.reject(new Error('The page has no token.'));
      else waiting?.resolve(token);
      waiting = null;
    },
    renew(token) {
      if (waiting) this.receive(token);
      else next = token;
    },
  };
}
