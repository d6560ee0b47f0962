/** An event as bytes: made once for all who hear it, by either transport. */
import * as ws from 'ws';
import type { ServerEvent } from '../contract/events.ts';

/** `options` are Engine.IO's, and more than its types name: a WebSocket takes the frame as it is, long polling the text. */
export type SocketIoPacket = { text: string; options: { compress: boolean; wsPreEncodedFrame: Buffer[] } };

type Encoded = { json: string; packet: SocketIoPacket | null };

/** The library's own function; its types leave it out. */
type Sender = { frame(data: Buffer, options: Record<string, unknown>): Buffer[] };
const { frame } = (ws as unknown as { Sender: Sender }).Sender;
/** RFC 6455 section 5.2: one whole text frame, which a server must not mask. */
const TEXT_FRAME = { fin: true, opcode: 1, mask: false, readOnly: true, rsv1: false };

/** On the event itself: of what a WeakMap holds the small collections free nothing, so each event grew old and waited for a full one. */
const ENCODED = Symbol('encoded');
type Known = ServerEvent & { [ENCODED]?: Encoded };

export function jsonOf(event: ServerEvent): string {
  return encoded(event).json;
}

/**
 * For the default namespace, without an acknowledgement: `2` is an EVENT in Socket.IO's protocol, version 5, and the `4` in the frame a
 * message in Engine.IO's, version 4.
 */
export function socketIoPacketOf(event: ServerEvent): SocketIoPacket {
  const entry = encoded(event);
  if (entry.packet === null) {
    const text = `2["${event.type}",${entry.json}]`;
    const whole = Buffer.concat(frame(Buffer.from(`4${text}`), TEXT_FRAME));
    entry.packet = { text, options: { compress: true, wsPreEncodedFrame: [whole] } };
  }
  return entry.packet;
}

function encoded(event: Known): Encoded {
  event[ENCODED] ??= { json: JSON.stringify(event), packet: null };
  return event[ENCODED];
}
