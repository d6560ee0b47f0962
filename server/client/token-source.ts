/** The token of each call: one that stays, or what a function gives, asked again shortly before it runs out. */

/** A token, or a function that gives one, asked for a new one when the last is about to end. */
export type TokenOption = string | (() => string | Promise<string>);

/** A token that ends within these is not used any more. */
const RENEW_BEFORE_MS = 30_000;

export type TokenSource = {
  /** `refused`: the token that the server did not take; another one is asked for. */
  get(refused?: string): Promise<string>;
  /** Whether there can be another one. */
  renewable: boolean;
};

export function createTokenSource(option: TokenOption): TokenSource {
  if (typeof option === 'string') return { get: async () => option, renewable: false };
  let asked: Promise<string> | undefined;
  let current: string | undefined;
  const ask = async () => {
    try {
      current = await option();
      return current;
    } finally {
      asked = undefined;
    }
  };
  return {
    renewable: true,
    async get(refused) {
      if (current !== undefined && current !== refused && !endsSoon(current)) return current;
      // Calls that come together ask once.
      asked ??= ask();
      return await asked;
    },
  };
}

/** What a token says of itself; nothing of it is checked here. */
export function claimsOf(token: string): { company_id?: string; session_id?: string; exp?: number } {
  try {
    const [, payload = ''] = token.split('.');
    const bytes = Uint8Array.from(atob(payload.replaceAll('-', '+').replaceAll('_', '/')), (char) =>
      char.charCodeAt(0),
    );
    return JSON.parse(new TextDecoder().decode(bytes));
  } catch {
    return {};
  }
}

function endsSoon(token: string): boolean {
  const { exp } = claimsOf(token);
  return exp !== undefined && exp * 1000 - Date.now() < RENEW_BEFORE_MS;
}
