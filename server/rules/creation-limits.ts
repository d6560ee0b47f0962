/** How many uploads may start in a minute, of one user and from one address. */
import { addressGroup } from './address-group.ts';
import { type Participant, participantKey } from './participant.ts';

export const CREATION_WINDOW_SECONDS = 60;

/**
 * Users that may be at one address: an office or a mobile network behind one, each at the full limit. A page that gets a
 * fresh visitor token with each load makes new users at will, and stays below this.
 */
export const USERS_AN_ADDRESS = 10;

/** What a creation is counted under. */
export type CreationKeys = {
  user: string;
  /** Null for an agent: an agent's `sub` stays the same whatever token they bring, and many may sit in one office. */
  address: string | null;
};

export function creationKeys(caller: Participant, address: string): CreationKeys {
  return {
    user: participantKey(caller),
    address: caller.role === 'user' ? (addressGroup(address) ?? 'unknown') : null,
  };
}
