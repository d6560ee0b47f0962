/** A socket ends when the key that signed its token is removed: nobody asks again for as long as it stays open. */
import type { Authenticated } from '../auth/authenticate-token.ts';
import { SERVER_KEY } from '../auth/verify-token.ts';

type Needs = {
  /** The keys of a company; null: it has none of its own, so the server's count. */
  keysOf(company: string): Promise<CompanyKeyNames | null> | null;
  /** They cannot be read; it is tried again. */
  onFault(error: unknown): void;
};
type Named = { name: string };
type CompanyKeyNames = {
  secrets: readonly Named[];
  publicKeys: readonly Named[];
  jwks: Named | undefined;
  serverKeys: boolean;
};
type Watched = { signedBy: string; end: () => void };

export type KeyWatch = {
  /** Calls `end`, once, when the caller's key counts no more. @returns calls it off */
  watch(caller: Pick<Authenticated, 'company' | 'signedBy'>, end: () => void): () => void;
  /** The keys of this company may have changed. */
  check(company: string): void;
};

const RETRY_MS = 1000;

export function createKeyWatch({ keysOf, onFault }: Needs): KeyWatch {
  const companies = new Map<string, Set<Watched>>();

  const look = async (company: string, watched: readonly Watched[]): Promise<void> => {
    try {
      const keys = await keysOf(company);
      for (const { signedBy, end } of watched) if (!counts(keys, signedBy)) end();
    } catch (error) {
      onFault(error);
      setTimeout(() => check(company), RETRY_MS).unref();
    }
  };
  const check = (company: string) => void look(company, [...(companies.get(company) ?? [])]);

  return {
    check,
    watch({ company, signedBy }, end) {
      const watched = companies.get(company) ?? new Set<Watched>();
      companies.set(company, watched);
      const callOff = () => {
        if (!watched.delete(entry)) return;
        if (watched.size === 0 && companies.get(company) === watched) companies.delete(company);
      };
      const entry: Watched = {
        signedBy,
        end: () => {
          if (!watched.has(entry)) return;
          callOff();
          end();
        },
      };
      watched.add(entry);
      // It may have been removed since the token was checked.
      void look(company, [entry]);
      return callOff;
    },
  };
}

function counts(keys: CompanyKeyNames | null, signedBy: string): boolean {
  if (signedBy === SERVER_KEY) return keys === null || keys.serverKeys;
  const named = keys === null ? [] : [...keys.secrets, ...keys.publicKeys, ...(keys.jwks ? [keys.jwks] : [])];
  return named.some(({ name }) => name === signedBy);
}
