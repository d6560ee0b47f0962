/** What a connection needs of its transport, Socket.IO or plain WebSocket. */
import type { ServerEvent } from '../contract/events.ts';

export type Wire = {
  isOpen(): boolean;
  send(event: ServerEvent): void;
  /** Whether more waits for this client than is good: it does not read. */
  isFull(): boolean;
  /** Resolves when nothing waits any more, or the connection is gone. */
  drained(): Promise<void>;
  /** Ends the connection at once, with all that waits. */
  cut(): void;
};

/** What may wait for a slow client; above it the ledger has to wait for the client. */
export const MAX_WAITING_MESSAGES = 500;
export const MAX_WAITING_CHARACTERS = 1024 * 1024;
/** Who has not taken that much in this time does not read: they are cut off, and come back with `after` if they are there. */
export const MAX_STALL_MS = 60_000;
/** Bytes of one message from a client. */
export const MAX_MESSAGE_BYTES = 16 * 1024;
