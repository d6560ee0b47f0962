/** One writer for each upload among all nodes: this node's queue first, then a lock that all nodes see. */
import type { RequestRelease } from '@tus/utils';
import { Failure } from '../rules/failure.ts';
import type { StopSignal } from '../storage/file-storage.ts';
import { busy, MAX_WAIT_MS, type UploadLock, type UploadLocker } from './locker.ts';

/** Locks that all nodes share, and a word to whoever holds one. All of it ends with the node that held it. */
export type SharedLocks = {
  /** @returns false when another node has it. @throws when nobody can know right now */
  tryLock(id: string): Promise<boolean>;
  /** Also of a lock that was lost meanwhile. */
  unlock(id: string): Promise<void>;
  /** To the node that holds it: someone waits. May be lost. */
  ask(id: string): void;
  /** To the nodes that wait for it: it is free. May be lost. */
  tellFree(id: string): void;
  on(listener: { asked(id: string): void; freed(id: string): void; lost(): void }): void;
};

/** Asked for again that often, should a word have been lost. */
const RETRY_MS = 250;

/**
 * Between nodes as within one: who comes is the sign that the client before is gone, so the holder is asked to stop, keeps
 * what it has, and frees the lock. A node that dies frees its locks at once; one that loses sight of them stops all its
 * writers, since others may write now.
 */
export function createNodeLocker(local: UploadLocker, locks: SharedLocks): UploadLocker {
  const held = new Map<string, RequestRelease>();
  const asked = new Set<string>();
  const waiting = new Map<string, () => void>();
  locks.on({
    asked(id) {
      const holder = held.get(id);
      if (holder === undefined) return;
      asked.add(id);
      void holder();
    },
    freed: (id) => waiting.get(id)?.(),
    lost() {
      for (const holder of held.values()) void holder();
    },
  });

  const take = async (id: string, signal: StopSignal) => {
    const endsAt = performance.now() + MAX_WAIT_MS;
    try {
      for (;;) {
        // Listening before looking: it may become free in between.
        const freed = new Promise<void>((resolve) => waiting.set(id, resolve));
        if (await locks.tryLock(id).catch(unknown)) return;
        if (signal.aborted || performance.now() >= endsAt) throw busy();
        locks.ask(id);
        await eitherOf(freed, signal);
      }
    } finally {
      waiting.delete(id);
    }
  };

  return {
    newLock(id): UploadLock {
      const inner = local.newLock(id);
      return {
        async lock(signal, requestRelease) {
          await inner.lock(signal, requestRelease);
          try {
            await take(id, signal);
            held.set(id, requestRelease);
          } catch (error) {
            await inner.unlock();
            throw error;
          }
        },
        async unlock() {
          held.delete(id);
          // What cannot be unlocked is lost, and free.
          await locks.unlock(id).catch(() => {});
          if (asked.delete(id)) locks.tellFree(id);
          await inner.unlock();
        },
      };
    },
  };
}

/** HEAD must never be 5xx: a client would start over. */
function unknown(cause: unknown): never {
  throw new Failure('try-again', 'The server cannot tell right now who writes to this upload.', {
    retryAfterSeconds: 2,
    cause,
  });
}

async function eitherOf(freed: Promise<void>, signal: StopSignal): Promise<void> {
  let end = () => {};
  const ended = new Promise<void>((resolve) => {
    end = resolve;
  });
  const timer = setTimeout(end, RETRY_MS);
  signal.addEventListener('abort', end, { once: true });
  await Promise.race([freed, ended]);
  clearTimeout(timer);
  signal.removeEventListener('abort', end);
}
