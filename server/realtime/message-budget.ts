/** How much a client may say. Who talks too much, or talks without listening, is let go: the answers would pile up here. */
import type { Connection } from './socket-connection.ts';

/** Messages a client may send in ten seconds. */
const MAX_MESSAGES = 200;
const WINDOW_MS = 10_000;

export type MessageBudget = {
  /** Counts one message that will be answered. @returns false when it is one too many */
  take(): boolean;
  /** Counts one that is not, such as a pong: who is slow to read sends these too. @returns false when it is one too many */
  takeUnanswered(): boolean;
  close(): void;
};

export function createMessageBudget(connection: Pick<Connection, 'isFull'>): MessageBudget {
  let left = MAX_MESSAGES;
  const refill = setInterval(() => {
    left = MAX_MESSAGES;
  }, WINDOW_MS);
  const takeUnanswered = () => {
    left -= 1;
    return left >= 0;
  };
  return {
    take: () => takeUnanswered() && !connection.isFull(),
    takeUnanswered,
    close: () => clearInterval(refill),
  };
}
