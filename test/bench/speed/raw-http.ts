/** HTTP/1.1 over one socket that stays open, at as little cost as Node allows: whoever measures must not be the slow one. */
import { connect, type Socket } from 'node:net';

const HEADERS_END = Buffer.from('\r\n\r\n');
/** Of a body that is sent from one block again and again. */
export const BLOCK_BYTES = 1024 * 1024;

export type RawAnswer = { status: number; head: string };

export class RawConnection {
  private readonly socket: Socket;
  private received: Buffer = Buffer.alloc(0);
  private waiting: { resolve(answer: RawAnswer): void; reject(error: Error): void } | null = null;

  constructor(port: number) {
    this.socket = connect({ port, host: '127.0.0.1', noDelay: true });
    this.socket.on('data', (chunk) => this.take(chunk));
    this.socket.on('error', (error) => this.waiting?.reject(error));
    this.socket.on('close', () => this.waiting?.reject(new Error('the server closed the connection')));
  }

  /** One request, its head ending with an empty line. `body` writes after it and waits for room. */
  async exchange(head: string, body?: (socket: Socket) => Promise<void>): Promise<RawAnswer> {
    const answer = new Promise<RawAnswer>((resolve, reject) => {
      this.waiting = { resolve, reject };
    });
    answer.catch(() => {});
    if (body === undefined) this.socket.write(head);
    else {
      this.socket.cork();
      this.socket.write(head);
      const sent = body(this.socket);
      this.socket.uncork();
      await sent;
    }
    return answer;
  }

  close(): void {
    this.waiting = null;
    this.socket.destroy();
  }

  private take(chunk: Buffer): void {
    this.received = this.received.length === 0 ? chunk : Buffer.concat([this.received, chunk]);
    const end = this.received.indexOf(HEADERS_END);
    if (end < 0) return;
    const head = this.received.toString('latin1', 0, end);
    const length = Number(/^content-length:\s*(\d+)/im.exec(head)?.[1] ?? 0);
    const isChunked = /^transfer-encoding:\s*chunked/im.test(head);
    const total = end + HEADERS_END.length + length;
    const isWhole = isChunked ? this.received.subarray(-5).toString() === '0\r\n\r\n' : this.received.length >= total;
    if (!isWhole) return;
    this.received = Buffer.alloc(0);
    const waiting = this.waiting;
    this.waiting = null;
    waiting?.resolve({ status: Number(head.slice(9, 12)), head });
  }
}

/** `first`, then blocks up to `bytes` in all; never more than the socket wants in memory. */
export async function sendBlocks(socket: Socket, first: Buffer, block: Buffer, bytes: number): Promise<void> {
  let left = bytes;
  for (let part = first.subarray(0, left); left > 0; part = block.subarray(0, left)) {
    left -= part.length;
    if (part.length > 0 && !socket.write(part)) await new Promise((resolve) => socket.once('drain', resolve));
  }
}

export function headerOf(answer: RawAnswer, name: string): string | undefined {
  return new RegExp(`^${name}:[ \\t]*(.*)$`, 'im').exec(answer.head)?.[1]?.trim();
}
