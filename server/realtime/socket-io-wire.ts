/** Socket.IO as a wire. */
import type { Socket } from 'socket.io';
import { MAX_WAITING_CHARACTERS, MAX_WAITING_MESSAGES, type Wire } from './wire.ts';

export function socketIoWire(socket: Socket): Wire {
  return {
    isOpen: () => socket.connected,
    send: (event) => void socket.emit(event.type, event),
    isFull: () => isFull(socket),
    drained: () =>
      new Promise((resolve) => {
        if (!socket.connected || waiting(socket).length === 0) return resolve();
        socket.conn.once('drain', resolve);
        socket.conn.once('close', resolve);
      }),
  };
}

/** Engine.IO documents `drain` but keeps what waits to itself. */
function waiting(socket: Socket): { data?: unknown }[] {
  return (socket.conn as unknown as { writeBuffer: { data?: unknown }[] }).writeBuffer;
}

function isFull(socket: Socket): boolean {
  const packets = waiting(socket);
  if (packets.length >= MAX_WAITING_MESSAGES) return true;
  let characters = 0;
  for (const { data } of packets) characters += typeof data === 'string' ? data.length : 0;
  return characters >= MAX_WAITING_CHARACTERS;
}
