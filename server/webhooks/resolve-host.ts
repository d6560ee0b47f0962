/**
 * The addresses of a host. Of a stranger's, by asking DNS: the system's own way has two threads for all of the process, and a
 * name whose server says nothing would keep the store's waiting. What the operator listed may stand in `/etc/hosts`.
 */
import { lookup, Resolver } from 'node:dns/promises';
import { isIP } from 'node:net';
import type { PrivateTargets } from '../rules/webhook-target.ts';

export type Resolved = { address: string; family: number };
/** @throws when the name is not known, or nobody answers */
export type ResolveHost = (host: string) => Promise<Resolved[]>;

const TIMEOUT_MS = 3000;
const TRIES = 2;

/** `servers`: for tests; those of the system otherwise. */
export function createResolveHost({ hosts }: PrivateTargets, servers?: string[]): ResolveHost {
  return async (host) => {
    if (isIP(host) !== 0 || hosts.has(host.toLowerCase())) return lookup(host, { all: true, verbatim: true });
    // Each time anew: it reads the system's settings when it is made.
    const resolver = new Resolver({ timeout: TIMEOUT_MS, tries: TRIES });
    if (servers !== undefined) resolver.setServers(servers);
    const [four, six] = await Promise.allSettled([resolver.resolve4(host), resolver.resolve6(host)]);
    const found = [
      ...addressesOf(four).map((address) => ({ address, family: 4 })),
      ...addressesOf(six).map((address) => ({ address, family: 6 })),
    ];
    if (found.length === 0 && four.status === 'rejected') throw four.reason;
    return found;
  };
}

function addressesOf(answer: PromiseSettledResult<string[]>): string[] {
  return answer.status === 'fulfilled' ? answer.value : [];
}
