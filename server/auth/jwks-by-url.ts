/** The key sets of companies, each by its address: kept over changes of a policy, so that these are no reason to fetch. */
import type { Jwks } from './jwks.ts';

/** Sets that are kept; each may hold a hundred keys. */
const MAX_SETS = 1000;

export function createJwksByUrl(createJwksAt: (url: string) => Jwks): (url: string) => Jwks {
  const sets = new Map<string, Jwks>();
  return (url) => {
    const set = sets.get(url) ?? createJwksAt(url);
    sets.delete(url);
    sets.set(url, set);
    // Whoever asked first is forgotten first, and fetched again if need be.
    if (sets.size > MAX_SETS) sets.delete(sets.keys().next().value as string);
    return set;
  };
}
