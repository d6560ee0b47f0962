/** What an answer and an event both hold, as schemas: files, lists and problems look the same in both documents. */
import * as z from 'zod';
import { PROBLEMS, type ProblemCode } from '../contract/problem.ts';

export const uploader = z.enum(['user', 'agent']);
export const seq = z.int().min(0).describe('a place in the ledger of the company');
export const time = z.iso.datetime().describe('RFC 3339, UTC');
export const bytes = z.int().min(0);

export const chatFile = z.object({
  id: z.int().min(1),
  company_id: z.string(),
  session_id: z.string(),
  uploader,
  url: z.url().describe('signed link to the bytes; lasts SIGNED_URL_EXPIRY'),
  name: z.string(),
  original_name: z.string().describe('the same as name'),
  mime_type: z.string().describe('what the bytes are'),
  size: bytes,
  thumbnail: z.url().nullable(),
  created_at: time,
  seq,
  width: z.int().nullable(),
  height: z.int().nullable(),
  placeholder: z.string().nullable().describe('thumbhash, base64'),
  scan: z.enum(['clean', 'not_scanned']),
  sha256: z.string().length(64).nullable().describe('hex; null while unknown'),
});

export const fileList = z.object({
  files: z.array(chatFile),
  count: z.int().min(0).describe('all that match, not only this page'),
  next_cursor: z.string().nullable(),
  seq,
});

export const problemCode = z.enum(Object.keys(PROBLEMS) as [ProblemCode, ...ProblemCode[]]);

export const problem = z.object({
  type: z.string().describe('relative to the request: a page that says what the code means'),
  title: z.string(),
  status: z.int().min(400).max(599),
  detail: z.string().describe('a sentence for people'),
  code: problemCode,
  request_id: z
    .string()
    .optional()
    .describe('the answer has it as X-Request-Id; so have the lines of the log about it'),
});
