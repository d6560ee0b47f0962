/** What is sent to webhooks, as schemas: a message each, by the names of its type. Documents are made of them. */
import * as z from 'zod';
import { PROBLEMS, type ProblemCode } from '../contract/problem.ts';
import type { WebhookType } from '../contract/webhook.ts';
import { WIRE_SCHEMAS } from './wire-schemas.ts';

const { ChatFile: chatFile, InfectionPage: infectionPage } = WIRE_SCHEMAS;
const infection = infectionPage.shape.infections.element;
const time = z.iso.datetime().describe('when it happened: RFC 3339, UTC');
const seq = z.int().min(0).describe('its place in the ledger of the company: the greater came later');
const inSession = { company_id: z.string(), session_id: z.string() };
const gone = z.literal(true).describe('it was deleted before it could be sent');
const codes = Object.keys(PROBLEMS) as ProblemCode[];

const failedUpload = z.object({
  id: z.string().describe('of the upload'),
  company_id: z.string(),
  session_id: z.string().nullable().describe('null: the request had not named one yet'),
  uploader: z.enum(['user', 'agent']).nullable(),
  name: z.string().nullable().describe('null: it was not said, or was deleted since'),
  size: z.int().min(0).nullable().describe('bytes, as announced'),
  code: z.enum(['expired', ...codes]).describe('as in the table of errors; expired: it was not gone on with'),
  reason: z.string().describe('a sentence for people'),
});

function message<T extends WebhookType, D extends z.ZodType>(type: T, data: D) {
  return z.object({ type: z.literal(type), timestamp: time, data });
}

/** By the type of the message. */
export const WEBHOOK_SCHEMAS = {
  'file.shared': message(
    'file.shared',
    z.union([chatFile, z.object({ id: z.int().min(1), ...inSession, seq, gone })]),
  ).describe('A file can be fetched: its links are signed when this is sent.'),
  'file.removed': message(
    'file.removed',
    z.object({
      id: z.int().min(1),
      ...inSession,
      seq,
      reason: z.enum(['deleted', 'session_deleted', 'retention', 'infected']),
    }),
  ).describe('A file is gone from its chat.'),
  'file.infected': message(
    'file.infected',
    z.union([infection, z.object({ id: z.int().min(1).describe('of the find'), ...inSession, gone })]),
  ).describe('The virus scanner found something in what was brought: it was not shared, or is removed.'),
  'upload.failed': message('upload.failed', failedUpload).describe('An upload ended for good, and is no file.'),
  'webhook.test': message('webhook.test', z.object({ company_id: z.string(), webhook_id: z.int().min(1) })).describe(
    'Somebody wanted to see that it arrives.',
  ),
} as const satisfies Record<WebhookType, z.ZodObject>;

/** The name of its schema in documents: `WebhookFileShared`. */
export function webhookSchemaName(type: string): string {
  const words = type.split('.').map((word) => word.charAt(0).toUpperCase() + word.slice(1));
  return `Webhook${words.join('')}Message`;
}
