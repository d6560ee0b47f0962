/** Socket.IO as a wire. */
import type { Socket } from 'socket.io';
import { cutOff, isConnectionFull, waitingPackets } from './engine-connection.ts';
import type { Wire } from './wire.ts';

export function socketIoWire(socket: Socket): Wire {
  const { conn } = socket;
  let resting: (() => void)[] = [];
  const wake = () => {
    const woken = resting;
    resting = [];
    for (const resolve of woken) resolve();
  };
  // One listener for all who rest: an agent may follow a thousand sessions over one socket.
  conn.on('drain', wake).on('close', wake);
  return {
    isOpen: () => socket.connected,
    send: (event) => void socket.emit(event.type, event),
    isFull: () => isConnectionFull(conn),
    drained: () =>
      new Promise((resolve) => {
        if (!socket.connected || waitingPackets(conn).length === 0) return resolve();
        resting.push(resolve);
      }),
    cut: () => cutOff(conn),
  };
}
