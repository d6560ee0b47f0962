/** Socket.IO as a wire. */
import type { Socket } from 'socket.io';
import type { ServerEvent } from '../contract/events.ts';
import { socketIoPacketOf } from './encode-event.ts';
import { corkFlush, cutOff, isConnectionFull, waitingPackets, writeTogether } from './engine-connection.ts';
import type { Wire } from './wire.ts';

/** A class, and listeners only while somebody rests: there are ten thousand of these, and most have nothing to say. */
export class SocketIoWire implements Wire {
  private readonly socket: Socket;
  private resting: (() => void)[] | null = null;

  constructor(socket: Socket) {
    this.socket = socket;
    socket.conn.on('flush', corkFlush);
  }

  isOpen(): boolean {
    return this.socket.connected;
  }

  send(event: ServerEvent): void {
    if (!this.socket.connected) return;
    // Not `socket.emit`, which would make the same packet anew for each socket. It goes by this one's connection all the same.
    const { text, options } = socketIoPacketOf(event);
    writeTogether(this.socket.conn);
    this.socket.conn.write(text, options);
  }

  isFull(): boolean {
    return isConnectionFull(this.socket.conn);
  }

  drained(): Promise<void> {
    if (!this.socket.connected || waitingPackets(this.socket.conn).length === 0) return Promise.resolve();
    // One listener for all who rest: an agent may follow a thousand sessions over one socket.
    const resting = this.resting ?? this.listen();
    return new Promise((resolve) => resting.push(resolve));
  }

  cut(): void {
    cutOff(this.socket.conn);
  }

  private listen(): (() => void)[] {
    const { conn } = this.socket;
    const resting: (() => void)[] = [];
    const wake = () => {
      conn.off('drain', wake).off('close', wake);
      this.resting = null;
      for (const resolve of resting) resolve();
    };
    conn.on('drain', wake).on('close', wake);
    this.resting = resting;
    return resting;
  }
}
