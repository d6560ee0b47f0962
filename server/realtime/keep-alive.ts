/** Finds connections whose other end is gone without a word: whoever does not answer a ping is cut off. */
import { WebSocket } from 'ws';

export type KeepAlive = {
  watch(socket: WebSocket): void;
  /** Cuts off who has not been heard of since the last beat, and asks the others. */
  beat(): void;
};

export function createKeepAlive(): KeepAlive {
  const heardOf = new Map<WebSocket, boolean>();
  return {
    watch(socket) {
      const alive = () => {
        if (heardOf.has(socket)) heardOf.set(socket, true);
      };
      heardOf.set(socket, true);
      socket.on('pong', alive).on('message', alive);
      socket.once('close', () => heardOf.delete(socket));
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
