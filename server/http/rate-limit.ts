/** Counts how many uploads start in a minute: of each user, and from each address that visitors come from. */

import type { CompanyPolicy } from '../rules/company-policy.ts';
import {
  CREATION_WINDOW_SECONDS,
  type CreationKeys,
  creationKeys,
  USERS_AN_ADDRESS,
} from '../rules/creation-limits.ts';
import { Failure } from '../rules/failure.ts';
import type { Participant } from '../rules/participant.ts';
import { createBoundedLimiter } from './bounded-limiter.ts';
import type { Count, CreateLimiter } from './limiter.ts';

/** Partial uploads that may be created for each upload that is allowed: more than any client takes a file apart into. */
const MAX_PARTS_AN_UPLOAD = 16;
/** Of each of the four counters. Each takes 500 bytes for a minute: 25 MB at most. */
const MAX_KEYS = 50_000;

/** How a limit stands for a caller. `policy` is its name in the RateLimit headers. */
export type LimitStanding = Count & { policy: Policy; quota: number };
type Policy = 'user' | 'address';

export type CreationLimits = {
  /** Counts one creation. @throws {Failure} `rate-limited` with the seconds to wait; nothing is counted then */
  countCreation(caller: Participant, address: string): Promise<void>;
  /**
   * Counts one partial upload. A parallel upload counts once, at its final one; that its time has not come is said here
   * already, before the bytes are sent. @throws {Failure} `rate-limited`
   */
  countPartial(caller: Participant, address: string): Promise<void>;
  standings(caller: Participant, address: string): Promise<LimitStanding[]>;
};

/** In this process' memory. */
export function inMemory(maxKeys = MAX_KEYS): CreateLimiter {
  return (options) => createBoundedLimiter({ ...options, maxKeys });
}

type Needs = {
  policyOf(company: string): Promise<Pick<CompanyPolicy, 'uploadsPerMinute'>>;
  /** What the settings say, for companies that have no limit of their own. */
  uploadsPerMinute: number;
  createLimiter: CreateLimiter;
};

export function createCreationLimits({ policyOf, uploadsPerMinute, createLimiter }: Needs): CreationLimits {
  const whole = createCounter('uploads', createLimiter);
  const partial = createCounter('parts', createLimiter);
  /** Of one creation they are asked for twice: to count it, and to say in its answer what is left. */
  const known = new WeakMap<Participant, { address: string; keys: CreationKeys }>();
  const keysOf = (caller: Participant, address: string): CreationKeys => {
    const last = known.get(caller);
    if (last?.address === address) return last.keys;
    const keys = creationKeys(caller, address);
    known.set(caller, { address, keys });
    return keys;
  };
  const limitOf = async (caller: Participant, address: string): Promise<Limit> => {
    const { uploadsPerMinute: quota } = await policyOf(caller.company);
    const keys = keysOf(caller, address);
    // With a limit of its own a company is counted apart: what its visitors may do at an address is no other's matter.
    const scoped = quota === uploadsPerMinute ? keys.address : keys.address && `${caller.company}/${keys.address}`;
    return { keys: { ...keys, address: scoped }, quota, uploadsPerMinute: quota };
  };
  return {
    async countCreation(caller, address) {
      await whole.count(await limitOf(caller, address));
    },
    async countPartial(caller, address) {
      const limit = await limitOf(caller, address);
      for (const { policy, ...count } of await whole.look(limit)) refuseUnless(count, policy, limit.uploadsPerMinute);
      await partial.count({ ...limit, quota: limit.quota * MAX_PARTS_AN_UPLOAD });
    },
    standings: async (caller, address) => whole.look(await limitOf(caller, address)),
  };
}

/** Whom to count, how much of it is allowed, and what is said of it. */
type Limit = { keys: CreationKeys; quota: number; uploadsPerMinute: number };

/** Counts users and addresses together: both have room, or nothing is counted. */
function createCounter(name: string, createLimiter: CreateLimiter) {
  const windowSeconds = CREATION_WINDOW_SECONDS;
  const users = createLimiter({ name: `${name}-user`, windowSeconds });
  const addresses = createLimiter({ name: `${name}-address`, windowSeconds });
  return {
    async count({ keys, quota, uploadsPerMinute }: Limit): Promise<void> {
      const addressQuota = quota * USERS_AN_ADDRESS;
      // Looked at first: who is over it must not fill the memory with new users.
      if (keys.address !== null)
        refuseUnless(await addresses.look(keys.address, addressQuota), 'address', uploadsPerMinute);
      refuseUnless(await users.consume(keys.user, quota), 'user', uploadsPerMinute);
      if (keys.address === null) return;
      const counted = await addresses.consume(keys.address, addressQuota);
      if (!counted.allowed) await users.giveBack(keys.user);
      refuseUnless(counted, 'address', uploadsPerMinute);
    },
    async look({ keys, quota }: Limit): Promise<LimitStanding[]> {
      const user = { policy: 'user' as const, quota, ...(await users.look(keys.user, quota)) };
      if (keys.address === null) return [user];
      const addressQuota = quota * USERS_AN_ADDRESS;
      const address = await addresses.look(keys.address, addressQuota);
      return [user, { policy: 'address', quota: addressQuota, ...address }];
    },
  };
}

function refuseUnless({ allowed, resetSeconds }: Count, policy: Policy, uploadsPerMinute: number): void {
  if (allowed) return;
  const reason =
    policy === 'user'
      ? `${uploadsPerMinute} uploads a minute are allowed.`
      : 'Too many uploads come from this network.';
  const detail = `${reason} The next may start in ${resetSeconds} seconds.`;
  throw new Failure('rate-limited', detail, { retryAfterSeconds: resetSeconds });
}
