/** One conversation with clamd: a connection, what we send at its pace, and one answer. Each wait has an end. */
import net from 'node:net';
import type { ClamdAddress } from '../rules/clamd-address.ts';

/** The longest answer is `stream: `, a signature's name and ` FOUND`. */
const MAX_ANSWER_BYTES = 4096;
const CONNECT_TIMEOUT_MS = 5_000;

export type Conversation = {
  /** Resolves when there is room for more. @throws when the connection has ended, or nothing moved for too long */
  write(bytes: Uint8Array): Promise<void>;
  /** Nothing more comes from us. */
  end(): void;
  /** No byte either way for this long ends the conversation. */
  patience(idleMs: number): void;
  /** True once there is an answer, or will be none: what is still to be sent interests nobody. */
  isOver(): boolean;
  /** Without the NUL at its end; '' when clamd hung up without one. */
  answer: Promise<string>;
  close(): void;
};

/** @throws when clamd cannot be reached within `CONNECT_TIMEOUT_MS` */
export async function openConversation(address: ClamdAddress, signal?: AbortSignal): Promise<Conversation> {
  const socket = net.connect({ ...address, allowHalfOpen: true, noDelay: true });
  const connected = new Promise<void>((resolve, reject) => {
    socket.once('connect', resolve);
    socket.once('error', reject);
    socket.once('close', () => reject(new Error('clamd hung up')));
  });
  socket.setTimeout(CONNECT_TIMEOUT_MS, () => socket.destroy(new Error('clamd says nothing')));
  const stop = () => socket.destroy(new Error('stopped'));
  signal?.addEventListener('abort', stop, { once: true });
  socket.once('close', () => signal?.removeEventListener('abort', stop));
  if (signal?.aborted) stop();
  await connected;
  let isOver = false;
  const answer = readAnswer(socket).finally(() => {
    isOver = true;
  });
  // Whoever only writes hears of the fault there.
  answer.catch(() => {});
  return {
    answer,
    isOver: () => isOver,
    async write(bytes) {
      if (socket.errored !== null) throw socket.errored;
      if (socket.destroyed) throw new Error('clamd hung up');
      if (!socket.write(bytes)) await drained(socket);
    },
    end: () => void socket.end(),
    patience: (idleMs) => void socket.setTimeout(idleMs),
    close: () => void socket.destroy(),
  };
}

function readAnswer(socket: net.Socket): Promise<string> {
  return new Promise((resolve, reject) => {
    let received = Buffer.alloc(0);
    socket.on('data', (bytes: Buffer) => {
      received = Buffer.concat([received, bytes]);
      const end = received.indexOf(0);
      if (end >= 0) resolve(received.toString('utf8', 0, end));
      else if (received.length > MAX_ANSWER_BYTES) socket.destroy(new Error('clamd says too much'));
    });
    // Only the NUL makes it whole: half an answer must not be read as one.
    socket.once('end', () => (received.length === 0 ? resolve('') : reject(new Error('clamd hung up in its answer'))));
    socket.once('error', reject);
    socket.once('close', () => reject(new Error('clamd hung up')));
  });
}

function drained(socket: net.Socket): Promise<void> {
  return new Promise((resolve, reject) => {
    const settle = (error?: Error) => {
      socket.off('drain', onDrain).off('error', settle).off('close', onClose);
      if (error === undefined) resolve();
      else reject(error);
    };
    const onDrain = () => settle();
    const onClose = () => settle(new Error('clamd hung up'));
    socket.once('drain', onDrain).once('error', settle).once('close', onClose);
  });
}
