/** A plain WebSocket as a wire: each event is one JSON text frame. */
import { WebSocket } from 'ws';
import type { ServerEvent } from '../contract/events.ts';
import { jsonOf } from './encode-event.ts';
import { MAX_WAITING_CHARACTERS, MAX_WAITING_MESSAGES, type Wire } from './wire.ts';
import { writeTogether } from './write-together.ts';

const NOTHING = () => {};

/** A class, and listeners only while somebody rests: there are ten thousand of these, and most have nothing to say. */
export class PlainWire implements Wire {
  private readonly socket: WebSocket;
  private waitingMessages = 0;
  private resting: (() => void)[] | null = null;
  private wake = NOTHING;

  constructor(socket: WebSocket) {
    this.socket = socket;
  }

  isOpen(): boolean {
    return this.socket.readyState === WebSocket.OPEN;
  }

  send(event: ServerEvent): void {
    if (!this.isOpen()) return;
    this.waitingMessages += 1;
    writeTogether(this.socket);
    this.socket.send(jsonOf(event), () => this.left());
  }

  isFull(): boolean {
    return this.waitingMessages >= MAX_WAITING_MESSAGES || this.socket.bufferedAmount >= MAX_WAITING_CHARACTERS;
  }

  drained(): Promise<void> {
    if (!this.isOpen() || this.waitingMessages === 0) return Promise.resolve();
    const resting = this.resting ?? this.listen();
    return new Promise((resolve) => resting.push(resolve));
  }

  cut(): void {
    this.socket.terminate();
  }

  /** A frame has left for the kernel, or never will. */
  private left(): void {
    this.waitingMessages -= 1;
    if (this.waitingMessages === 0) this.wake();
  }

  private listen(): (() => void)[] {
    const resting: (() => void)[] = [];
    this.wake = () => {
      this.socket.off('close', this.wake);
      this.resting = null;
      this.wake = NOTHING;
      for (const resolve of resting) resolve();
    };
    this.socket.on('close', this.wake);
    this.resting = resting;
    return resting;
  }
}
