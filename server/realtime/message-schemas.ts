/** What a client may say over a socket: these check it, and the AsyncAPI document shows them. */
import * as z from 'zod';
import type { Join, Leave, RequestFileList } from '../contract/events.ts';
import { SCOPE_ID } from '../rules/participant.ts';

const MAX_CURSOR_CHARACTERS = 100;

export const scopeId = z.string().regex(SCOPE_ID).describe('1 to 64 letters, digits, “_” or “-”');
const after = z
  .int()
  .min(0)
  .max(Number.MAX_SAFE_INTEGER)
  .optional()
  .describe('the seq of the last entry that is known: what came after it is sent first');

/** Socket.IO: the `auth` of the handshake. */
export const handshakeSchema = z.object({
  token: z.string().optional().describe('a JWT; the chatdrop cookie of an allowed origin may stand for it'),
  company_id: z.string().nullish().describe('the token’s, if it is said'),
  session_id: z.string().nullish().describe('left out: the token’s; an agent bound to none joins or follows later'),
  after: after.nullish(),
});

const listFields = {
  session_id: scopeId.optional().describe('left out: the one of this connection'),
  company_id: z.string().optional(),
  cursor: z.string().max(MAX_CURSOR_CHARACTERS).optional().describe('next_cursor of the page before'),
};
export const listSchema: z.ZodType<RequestFileList | null | undefined> = z.object(listFields).nullish();
export const joinSchema: z.ZodType<Join> = z.object({ session_id: scopeId, after });
export const leaveSchema: z.ZodType<Leave> = z.object({ session_id: scopeId });
export const followSchema = z.object({ after }).nullish();

/** Plain WebSocket: all that a text frame may say. */
export const plainFrame = z.object({ type: z.literal('request_file_list'), ...listFields });
/** Plain WebSocket: the query of its address. */
export const plainQuery = z.object({
  token: z.string().optional(),
  after: z
    .string()
    .regex(/^\d{0,16}$/)
    .transform((text) => (text === '' ? undefined : Number(text)))
    .refine((value) => value === undefined || Number.isSafeInteger(value))
    .optional()
    .describe('the seq of the last entry that is known: what came after it is sent first'),
});
