/** What a client hears, as schemas: the AsyncAPI document is made of them, and a test holds them against `contract/events.ts`. */
import * as z from 'zod';
import { bytes, chatFile, fileList, problemCode, seq, uploader } from '../rules/chat-schemas.ts';

const inSession = { company_id: z.string(), session_id: z.string() };

const connectionEstablished = z.object({
  type: z.literal('connection_established'),
  message: z.string(),
  company_id: z.string(),
  session_id: z.string().nullable().describe('null: no session, or the whole company'),
  seq: seq.describe('the ledger’s place now'),
});
const fileListEvent = fileList.extend({ type: z.literal('file_list'), ...inSession });
const error = z.object({
  type: z.literal('error'),
  code: z.enum([...problemCode.options, 'resync']).describe('resync: after is older than the ledger that is kept'),
  detail: z.string().describe('a sentence for people'),
});

/** By the name of the event: one for each of `contract/events.ts`. */
export const EVENT_SCHEMAS = {
  connection_established: connectionEstablished,
  file_shared: chatFile.extend({ type: z.literal('file_shared') }),
  file_updated: chatFile.extend({ type: z.literal('file_updated') }),
  file_removed: z.object({
    type: z.literal('file_removed'),
    id: z.int().min(1),
    ...inSession,
    seq,
    reason: z.enum(['deleted', 'session_deleted', 'retention', 'infected']),
  }),
  file_list: fileListEvent,
  upload_progress: z.object({
    type: z.literal('upload_progress'),
    upload_id: z.string().describe('the id in GET /api/chat/uploads/'),
    ...inSession,
    uploader,
    name: z.string(),
    size: bytes.nullable().describe('null while the length is deferred'),
    offset: bytes,
    state: z
      .enum(['uploading', 'checking', 'error', 'done', 'failed', 'cancelled', 'unscannable'])
      .describe('the last four end it; error: the scanner is away, the server tries again by itself'),
  }),
  error,
};

export type EventName = keyof typeof EVENT_SCHEMAS;

/** Socket.IO: what a message of the client is acknowledged with. */
export const ACKNOWLEDGEMENTS = {
  ListAnswer: z.union([fileListEvent, z.object({ error })]),
  JoinAnswer: z.union([connectionEstablished, z.object({ error })]),
  LeaveAnswer: z.union([z.object({ left: z.boolean().describe('whether it was followed') }), z.object({ error })]),
};
