/** How much a client may say. Who talks too much, or talks without listening, is let go: the answers would pile up here. */

/** Messages a client may send in ten seconds. */
const MAX_MESSAGES = 200;
const WINDOW_MS = 10_000;

/** Counts one message. @returns false when it is one too many */
export type TakeMessage = () => boolean;

/** The window begins with a message: a timer for each connection would wake the server a thousand times a second for nothing. */
export function createMessageBudget(now: () => number = () => performance.now()): TakeMessage {
  let left = 0;
  let windowEndsAt = 0;
  return () => {
    const time = now();
    if (time >= windowEndsAt) {
      left = MAX_MESSAGES;
      windowEndsAt = time + WINDOW_MS;
    }
    left -= 1;
    return left >= 0;
  };
}
