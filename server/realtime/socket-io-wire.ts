/** Socket.IO as a wire. */
import type { Socket } from 'socket.io';
import { socketIoPacketOf } from './encode-event.ts';
import { cutOff, isConnectionFull, waitingPackets, webSocketOf } from './engine-connection.ts';
import type { Wire } from './wire.ts';
import { createWriteTogether } from './write-together.ts';

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
  // Just before what waits is handed to the WebSocket; what comes after it waits until that has left, and goes as one again.
  const together = createWriteTogether(() => webSocketOf(conn));
  conn.on('flush', together);
  return {
    isOpen: () => socket.connected,
    // Not `socket.emit`, which would make the same packet anew for each socket. It goes by this one's connection all the same.
    send(event) {
      if (!socket.connected) return;
      const { text, options } = socketIoPacketOf(event);
      conn.write(text, options);
    },
    isFull: () => isConnectionFull(conn),
    drained: () =>
      new Promise((resolve) => {
        if (!socket.connected || waitingPackets(conn).length === 0) return resolve();
        resting.push(resolve);
      }),
    cut: () => cutOff(conn),
  };
}
