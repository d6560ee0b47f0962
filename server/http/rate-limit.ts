/** Counts how many uploads start in a minute: of each user, and from each address that visitors come from. */
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

export function createCreationLimits(uploadsPerMinute: number, createLimiter: CreateLimiter): CreationLimits {
  const whole = createCounter('uploads', uploadsPerMinute, createLimiter);
  const partial = createCounter('parts', uploadsPerMinute * MAX_PARTS_AN_UPLOAD, createLimiter);
  return {
    countCreation: (caller, address) => whole.count(creationKeys(caller, address), uploadsPerMinute),
    async countPartial(caller, address) {
      const keys = creationKeys(caller, address);
      for (const { policy, ...count } of await whole.look(keys)) refuseUnless(count, policy, uploadsPerMinute);
      await partial.count(keys, uploadsPerMinute);
    },
    standings: (caller, address) => whole.look(creationKeys(caller, address)),
  };
}

/** Counts users and addresses together: both have room, or nothing is counted. */
function createCounter(name: string, quota: number, createLimiter: CreateLimiter) {
  const windowSeconds = CREATION_WINDOW_SECONDS;
  const addressQuota = quota * USERS_AN_ADDRESS;
  const users = createLimiter({ name: `${name}-user`, points: quota, windowSeconds });
  const addresses = createLimiter({ name: `${name}-address`, points: addressQuota, windowSeconds });
  return {
    async count(keys: CreationKeys, uploadsPerMinute: number): Promise<void> {
      // Looked at first: who is over it must not fill the memory with new users.
      if (keys.address !== null) refuseUnless(await addresses.look(keys.address), 'address', uploadsPerMinute);
      refuseUnless(await users.consume(keys.user), 'user', uploadsPerMinute);
      if (keys.address === null) return;
      const counted = await addresses.consume(keys.address);
      if (!counted.allowed) await users.giveBack(keys.user);
      refuseUnless(counted, 'address', uploadsPerMinute);
    },
    async look(keys: CreationKeys): Promise<LimitStanding[]> {
      const user = { policy: 'user' as const, quota, ...(await users.look(keys.user)) };
      if (keys.address === null) return [user];
      return [user, { policy: 'address', quota: addressQuota, ...(await addresses.look(keys.address)) }];
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
