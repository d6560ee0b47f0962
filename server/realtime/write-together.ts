/** What a socket is told within one turn of the event loop leaves in one system call: of a busy chat each costs more than its event. */
import type { Duplex } from 'node:stream';

/** What `ws` keeps to itself; undefined once it is closed. */
type WithSocket = { _socket?: Duplex | null };

/** @returns to be called before something is written to the socket, as often as it comes */
export function createWriteTogether(webSocket: () => unknown): () => void {
  let isHeld = false;
  return () => {
    const socket = isHeld ? null : (webSocket() as WithSocket | undefined)?._socket;
    if (!socket) return;
    isHeld = true;
    socket.cork();
    setImmediate(() => {
      isHeld = false;
      socket.uncork();
    });
  };
}
