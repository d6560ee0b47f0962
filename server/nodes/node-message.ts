/** What the nodes of one installation tell each other: hints that may be lost, never facts that stand nowhere else. */
import * as z from 'zod';
import type { UploadProgress } from '../contract/events.ts';

export type NodeMessage =
  /** The ledger of this company has grown. Who misses it finds out by looking (`SessionFeed.poll`). */
  | { type: 'wake'; company: string }
  /** A policy has changed. Who misses it finds out within a second (`CompanyPolicies.look`). */
  | { type: 'policies' }
  /** A passing event, for everyone in its session but one participant. */
  | { type: 'progress'; event: UploadProgress; exceptParticipant: string };

/** Several at once, from one node. */
export type Envelope = { node: string; messages: NodeMessage[] };

/** Strict about the frame only: an event that a newer node sends travels on as it is. */
const envelope = z.object({
  node: z.string(),
  messages: z.array(
    z.discriminatedUnion('type', [
      z.object({ type: z.literal('wake'), company: z.string() }),
      z.object({ type: z.literal('policies') }),
      z.object({
        type: z.literal('progress'),
        event: z.looseObject({ company_id: z.string(), session_id: z.string() }),
        exceptParticipant: z.string(),
      }),
    ]),
  ),
});

/** @returns null for what is not ours, or of a version that says it otherwise */
export function readEnvelope(text: string): Envelope | null {
  try {
    return envelope.parse(JSON.parse(text)) as unknown as Envelope;
  } catch {
    return null;
  }
}
