/** Finds connections whose other end is gone without a word: whoever does not answer a ping is cut off. */
import { WebSocket } from 'ws';

export type KeepAlive = {
  watch(socket: WebSocket): void;
  /** Cuts off who has not been heard of since the last beat, and asks the others. */
  beat(): void;
};

export function createKeepAlive(): KeepAlive {
  const heardOf = new Map<WebSocket, boolean>();
  // One of each for all: they stay on each socket as long as that one lives.
  function alive(this: WebSocket): void {
    if (heardOf.has(this)) heardOf.set(this, true);
  }
  function forget(this: WebSocket): void {
    heardOf.delete(this);
  }
  return {
    watch(socket) {
      heardOf.set(socket, true);
      socket.on('pong', alive).on('message', alive).on('close', forget);
    },
    beat() {
      for (const [socket, isAlive] of heardOf) {
        if (!isAlive) {
          socket.terminate();
          continue;
        }
        heardOf.set(socket, false);
        if (socket.readyState === WebSocket.OPEN) socket.ping();
      }
    },
  };
}
