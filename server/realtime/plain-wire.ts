/** A plain WebSocket as a wire: each event is one JSON text frame. */
import { WebSocket } from 'ws';
import { jsonOf } from './encode-event.ts';
import { MAX_WAITING_CHARACTERS, MAX_WAITING_MESSAGES, type Wire } from './wire.ts';
import { createWriteTogether } from './write-together.ts';

export function plainWire(socket: WebSocket): Wire {
  let waitingMessages = 0;
  let resting: (() => void)[] = [];
  const wake = () => {
    const woken = resting;
    resting = [];
    for (const resolve of woken) resolve();
  };
  const isOpen = () => socket.readyState === WebSocket.OPEN;
  const together = createWriteTogether(() => socket);
  socket.on('close', wake);
  return {
    isOpen,
    send(event) {
      if (!isOpen()) return;
      waitingMessages += 1;
      together();
      // Called when the frame has left for the kernel, or never will.
      socket.send(jsonOf(event), () => {
        waitingMessages -= 1;
        if (waitingMessages === 0) wake();
      });
    },
    isFull: () => waitingMessages >= MAX_WAITING_MESSAGES || socket.bufferedAmount >= MAX_WAITING_CHARACTERS,
    drained: () =>
      new Promise((resolve) => {
        if (!isOpen() || waitingMessages === 0) return resolve();
        resting.push(resolve);
      }),
    cut: () => socket.terminate(),
  };
}
