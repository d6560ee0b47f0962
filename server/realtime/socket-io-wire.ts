/** Socket.IO as a wire. */
import type { Socket } from 'socket.io';
import type { ServerEvent } from '../contract/events.ts';
import { cutOff, isConnectionFull, waitingPackets } from './engine-connection.ts';
import type { Wire } from './wire.ts';

/** An event that goes to thousands is written out once. Nobody changes one that was sent. */
const packets = new WeakMap<ServerEvent, string>();

/** A class, and listeners only while somebody rests: there are ten thousand of these, and most have nothing to say. */
export class SocketIoWire implements Wire {
  private readonly socket: Socket;
  private resting: (() => void)[] | null = null;

  constructor(socket: Socket) {
    this.socket = socket;
  }

  isOpen(): boolean {
    return this.socket.connected;
  }

  send(event: ServerEvent): void {
    if (this.socket.connected) this.socket.conn.write(packetOf(event));
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

/** Socket.IO's EVENT in its default namespace, as text: what `emit` would write out anew for each socket. */
function packetOf(event: ServerEvent): string {
  const known = packets.get(event);
  if (known !== undefined) return known;
  const packet = `2${JSON.stringify([event.type, event])}`;
  packets.set(event, packet);
  return packet;
}
