/** The connection under a Socket.IO socket: what waits on it, how much may come over it, and its end. */
import type { Duplex } from 'node:stream';
import type { Socket } from 'socket.io';
import { createMessageBudget } from './message-budget.ts';
import { MAX_WAITING_CHARACTERS, MAX_WAITING_MESSAGES } from './wire.ts';

export type EngineConnection = Socket['conn'];
type Transport = EngineConnection['transport'];
/** Of `ws`. Its socket, which it keeps to itself, is gone once it is closed. */
type WebSocket = { terminate?(): void; _socket?: Duplex | null };

/** Engine.IO documents `drain` but keeps what waits to itself. */
export function waitingPackets(connection: EngineConnection): { data?: unknown }[] {
  return (connection as unknown as { writeBuffer: { data?: unknown }[] }).writeBuffer;
}

export function isConnectionFull(connection: EngineConnection): boolean {
  const packets = waitingPackets(connection);
  if (packets.length >= MAX_WAITING_MESSAGES) return true;
  let characters = 0;
  for (const { data } of packets) characters += typeof data === 'string' ? data.length : 0;
  return characters >= MAX_WAITING_CHARACTERS;
}

/**
 * To be called before something is written: what is written within this turn of the event loop leaves together, in one system call
 * and one turn of the libraries. Engine.IO would send the first at once, and what follows only when that has left.
 */
export function writeTogether(connection: EngineConnection): void {
  const { transport } = connection;
  // Long polling waits for a question anyhow; and where something is on its way, all else waits for it already.
  if (!transport.writable || socketOf(transport) === undefined) return;
  transport.writable = false;
  held.add(transport);
  setImmediate(letGo, connection, transport);
}

/** Not writable because of us: what waits there waits for nobody. */
const held = new WeakSet<Transport>();

function letGo(connection: EngineConnection, transport: Transport): void {
  if (!held.delete(transport)) return;
  transport.writable = true;
  (connection as unknown as { flush(): void }).flush();
}

/** For the event `flush`: the frames that are handed to the WebSocket next go into one write. */
export function corkFlush(this: EngineConnection): void {
  const socket = socketOf(this.transport)?._socket;
  if (!socket) return;
  socket.cork();
  process.nextTick(uncork, socket);
}

function uncork(socket: Duplex): void {
  socket.uncork();
}

/**
 * Every packet counts, from the first: also one that asks to be let in, since each is answered, before there is a socket
 * and beside it (a CONNECT to another namespace).
 */
export function limitPackets(connection: EngineConnection): void {
  const take = createMessageBudget();
  connection.on('packet', ({ type }: { type: string }) => {
    // Who catches up has hundreds of events held for this turn's end: they say nothing of how the other end reads.
    letGo(connection, connection.transport);
    // A pong is not answered: who is slow to read sends these too.
    if (!take() || (type !== 'pong' && isConnectionFull(connection))) cutOff(connection);
  });
  // Each probe of a WebSocket that is to take over is answered on that one, past everything else that counts.
  connection.on('upgrading', (transport: Transport) => {
    if (take()) return;
    cutOff(connection);
    terminate(transport);
  });
}

/** At once, with all that waits: the other end does not read, or does nothing but write. */
export function cutOff(connection: EngineConnection): void {
  const { transport } = connection;
  connection.close(true);
  terminate(transport);
}

/** A WebSocket would wait half a minute for an answer to its goodbye; long polling has no such thing. */
function terminate(transport: Transport): void {
  socketOf(transport)?.terminate?.();
}

/** Undefined: long polling. */
function socketOf(transport: Transport): WebSocket | undefined {
  return (transport as { socket?: WebSocket }).socket;
}
