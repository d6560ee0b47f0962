/** Clients of both kinds of socket that keep nothing and parse nothing: ten thousand of them must not be the slow ones. */
import { randomBytes } from 'node:crypto';
import { connect, type Socket } from 'node:net';

const HEADERS_END = '\r\n\r\n';
const TEXT = 0x81;

export type RawSocket = {
  /** Calls back with each message until it is closed. */
  onMessage(hear: (message: string) => void): void;
  send(message: string): void;
  close(): void;
};

/** Resolves when the server has agreed. `path` with its query. */
export function openRawSocket(port: number, path: string): Promise<RawSocket> {
  return new Promise((resolve, reject) => {
    const socket = connect({ port, host: '127.0.0.1', noDelay: true });
    const key = randomBytes(16).toString('base64');
    socket.write(
      `GET ${path} HTTP/1.1\r\nHost: 127.0.0.1:${port}\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: ${key}${HEADERS_END}`,
    );
    let hear = (_message: string) => {};
    let received: Buffer = Buffer.alloc(0);
    let isOpen = false;
    socket.on('error', reject).on('close', () => reject(new Error('the server closed the connection')));
    socket.on('data', (chunk) => {
      received = received.length === 0 ? chunk : Buffer.concat([received, chunk]);
      if (!isOpen) {
        const end = received.indexOf(HEADERS_END);
        if (end < 0) return;
        if (!received.toString('latin1', 0, 12).endsWith('101')) {
          reject(new Error(received.toString('latin1', 0, end)));
          return;
        }
        isOpen = true;
        received = received.subarray(end + HEADERS_END.length);
        resolve({
          onMessage: (listener) => {
            hear = listener;
          },
          send: (message) => write(socket, message),
          close: () => socket.destroy(),
        });
        // Whoever waits for it has its listener there before the first message.
        setImmediate(() => {
          received = readFrames(received, hear);
        });
        return;
      }
      received = readFrames(received, hear);
    });
  });
}

/** Whole frames from a server: unmasked, of one piece. @returns what is left */
function readFrames(received: Buffer, hear: (message: string) => void): Buffer {
  let left = received;
  for (;;) {
    if (left.length < 2) return left;
    const short = (left[1] as number) & 0x7f;
    const head = short === 126 ? 4 : short === 127 ? 10 : 2;
    if (left.length < head) return left;
    const length = short === 126 ? left.readUInt16BE(2) : short === 127 ? Number(left.readBigUInt64BE(2)) : short;
    if (left.length < head + length) return left;
    if (left[0] === TEXT) hear(left.toString('utf8', head, head + length));
    left = left.subarray(head + length);
  }
}

/** A client's frames are masked; a mask of zeros is one (RFC 6455 asks for an unpredictable one: against proxies, none of which is here). */
function write(socket: Socket, message: string): void {
  const body = Buffer.from(message);
  const head =
    body.length < 126
      ? Buffer.from([TEXT, 0x80 | body.length])
      : Buffer.from([TEXT, 0x80 | 126, body.length >> 8, body.length & 0xff]);
  socket.write(Buffer.concat([head, Buffer.alloc(4), body]));
}

/** A Socket.IO client: Engine.IO's opening, then the token; answers pings. Resolves when it was greeted. */
export async function openSocketIo(port: number, auth: object): Promise<RawSocket> {
  const raw = await openRawSocket(port, '/socket.io/?EIO=4&transport=websocket');
  let hear = (_message: string) => {};
  const greeted = new Promise<void>((resolve, reject) => {
    raw.onMessage((message) => {
      if (message === '2') raw.send('3');
      else if (message.startsWith('0')) raw.send(`40${JSON.stringify(auth)}`);
      else if (message.startsWith('44')) reject(new Error(message));
      else if (message.startsWith('42["connection_established"')) resolve();
      else hear(message);
    });
  });
  await greeted;
  return {
    ...raw,
    onMessage: (listener) => {
      hear = listener;
    },
  };
}
