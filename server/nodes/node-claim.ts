/** What a node claims for as long as it lives: for itself alone, or together with others who claim it so. */
import { setTimeout as sleep } from 'node:timers/promises';

type Session = {
  tryLock(key: string): Promise<boolean>;
  tryShare(key: string): Promise<boolean>;
  onBack(listener: () => void): void;
};

export type ClaimHow = 'alone' | 'shared';
/** Waits a little: a node that ended may not be known to be dead yet. @returns false when another node has it otherwise */
export type NodeClaim = (key: string, how: ClaimHow) => Promise<boolean>;

/** PostgreSQL finds out in some ten seconds that a machine has gone. */
const CLAIM_MS = 15_000;
const RETRY_MS = 500;

/** `onTaken`: the connection that held it was lost, and another node has it now. The session is its maker's to close; `claimMs` is for tests. */
export function createNodeClaim(session: Session, onTaken: (key: string) => void, claimMs = CLAIM_MS): NodeClaim {
  const take = async (key: string, how: ClaimHow) => {
    const endsAt = performance.now() + claimMs;
    while (!(await (how === 'alone' ? session.tryLock(key) : session.tryShare(key)))) {
      if (performance.now() >= endsAt) return false;
      await sleep(RETRY_MS);
    }
    return true;
  };
  return async (key, how) => {
    if (!(await take(key, how))) return false;
    session.onBack(() => {
      // Lost again meanwhile: then this is called again.
      take(key, how).then(
        (isOurs) => isOurs || onTaken(key),
        () => {},
      );
    });
    return true;
  };
}
