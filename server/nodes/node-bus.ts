/** Tells the other nodes what happened on this one, in bundles; what cannot be told in time is left out. */
import type { UploadProgress } from '../contract/events.ts';
import { type NodeMessage, readEnvelope } from './node-message.ts';

/** Takes text to all nodes, in order for each sender. It may lose some. */
export type Carrier = {
  /** Of one text, in UTF-8. */
  maxBytes: number;
  send(text: string): Promise<void>;
  /** Called with every text that comes, this node's own too. Once. */
  onText(listener: (text: string) => void): Promise<void>;
  close(): Promise<void>;
};

export type NodeBus = {
  /** Never waits and never fails: what is told is a hint. */
  tell(message: NodeMessage): void;
  close(): Promise<void>;
};

type Needs = {
  /** Names this node, so that it does not listen to itself. */
  node: string;
  carrier: Carrier;
  /** What the other nodes told. */
  onMessage(message: NodeMessage): void;
};

/** Events that may wait for the carrier; the oldest goes first. Companies to wake are kept apart, each once. */
const MAX_WAITING_EVENTS = 1000;
const MAX_WAITING_WAKES = 10_000;

/** One node alone: there is nobody to tell. */
export const NO_BUS: NodeBus = { tell: () => {}, close: async () => {} };

export async function createNodeBus({ node, carrier, onMessage }: Needs): Promise<NodeBus> {
  const waiting = createWaiting();
  let sending: Promise<void> | null = null;
  const sendAll = async () => {
    for (
      let messages = waiting.take(carrier.maxBytes);
      messages.length > 0;
      messages = waiting.take(carrier.maxBytes)
    ) {
      // Lost: the others look at the ledger by themselves, and the next progress comes in a second.
      await carrier.send(JSON.stringify({ node, messages })).catch(() => {});
    }
    sending = null;
  };
  await carrier.onText((text) => {
    const envelope = readEnvelope(text);
    if (envelope !== null && envelope.node !== node) envelope.messages.forEach(onMessage);
  });
  return {
    tell(message) {
      waiting.add(message);
      // In a microtask, so that what one transaction tells goes out together.
      sending ??= Promise.resolve().then(sendAll);
    },
    async close() {
      await sending;
      await carrier.close();
    },
  };
}

/** What is not sent yet: bounded, and an upload's newer progress in the place of its older one. */
function createWaiting() {
  let hasPolicies = false;
  const wakes = new Set<string>();
  const events = new Map<string, { event: UploadProgress; exceptParticipant: string }>();
  /** Frame around the messages, and the longest node id. */
  const FRAME_BYTES = 200;

  const next = (): NodeMessage | undefined => {
    if (hasPolicies) return { type: 'policies' };
    for (const company of wakes) return { type: 'wake', company };
    for (const { event, exceptParticipant } of events.values()) return { type: 'progress', event, exceptParticipant };
    return undefined;
  };
  const remove = (message: NodeMessage) => {
    if (message.type === 'policies') hasPolicies = false;
    else if (message.type === 'wake') wakes.delete(message.company);
    else events.delete(message.event.upload_id);
  };
  return {
    add(message: NodeMessage) {
      if (message.type === 'policies') {
        hasPolicies = true;
        return;
      }
      if (message.type === 'wake') {
        if (wakes.size < MAX_WAITING_WAKES) wakes.add(message.company);
        return;
      }
      const { event, exceptParticipant } = message;
      events.delete(event.upload_id);
      events.set(event.upload_id, { event, exceptParticipant });
      if (events.size > MAX_WAITING_EVENTS) events.delete(events.keys().next().value as string);
    },
    /** As many as go into one text. */
    take(maxBytes: number): NodeMessage[] {
      const taken: NodeMessage[] = [];
      let bytes = FRAME_BYTES;
      for (let message = next(); message !== undefined; message = next()) {
        bytes += Buffer.byteLength(JSON.stringify(message)) + 1;
        if (bytes > maxBytes && taken.length > 0) break;
        remove(message);
        taken.push(message);
      }
      return taken;
    },
  };
}
