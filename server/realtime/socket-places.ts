/** How many sockets one participant may hold, over both transports together: each has a place in the feed and a buffer. */
import { Failure } from '../rules/failure.ts';
import { type Participant, participantKey } from '../rules/participant.ts';

/** By role. A visitor: all their pages and devices, with those that went without a word and are not noticed yet. */
export const MAX_SOCKETS = {
  user: 20,
  /** Forty chats, a plain WebSocket for each, in five windows. */
  agent: 200,
} as const;

export type SocketPlaces = {
  /** Takes a place. @returns gives it back; twice is once. @throws {Failure} `too-many-sockets` */
  take(caller: Participant): () => void;
};

export function createSocketPlaces(): SocketPlaces {
  const taken = new Map<string, number>();
  const change = (key: string, by: 1 | -1) => {
    const count = (taken.get(key) ?? 0) + by;
    if (count > 0) taken.set(key, count);
    else taken.delete(key);
  };
  return {
    take(caller) {
      const key = participantKey(caller);
      const max = MAX_SOCKETS[caller.role];
      if ((taken.get(key) ?? 0) >= max)
        throw new Failure('too-many-sockets', `${max} connections are open already. Close some, then connect again.`);
      change(key, 1);
      let held = true;
      return () => {
        if (held) change(key, -1);
        held = false;
      };
    },
  };
}
