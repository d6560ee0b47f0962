/** What a socket is told within one turn of the event loop leaves in one system call: of a busy chat each costs more than its event. */
import type { Duplex } from 'node:stream';

/** What `ws` keeps to itself; undefined once it is closed. */
type WithSocket = { _socket?: Duplex | null };

/** Here, not in a function of each socket: there are ten thousand of them, and most are told nothing. */
const held = new WeakSet<Duplex>();

/** To be called before something is written to the socket, as often as it comes. */
export function writeTogether(webSocket: unknown): void {
  const socket = (webSocket as WithSocket | undefined)?._socket;
  if (!socket || held.has(socket)) return;
  held.add(socket);
  socket.cork();
  setImmediate(() => {
    held.delete(socket);
    socket.uncork();
  });
}
