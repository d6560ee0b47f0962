/** The server's refusals in the reader's language: by their code, with what to do next. */
import type { ProblemCode } from '../../server/contract/problem.ts';
import { ApiError } from '../core/api.ts';
import type { Words } from './create-words.ts';
import type { LabelKey } from './dictionary.ts';

/** The codes of `contract/problem.ts`. Codes that need the same from a person share a sentence. */
const SENTENCES: Record<ProblemCode, LabelKey> = {
  'invalid-request': 'problem-invalid-request',
  unauthenticated: 'problem-unauthenticated',
  'token-expired': 'problem-unauthenticated',
  forbidden: 'problem-forbidden',
  'link-invalid': 'problem-link-expired',
  'link-expired': 'problem-link-expired',
  'not-found': 'problem-not-found',
  'method-not-allowed': 'problem-invalid-request',
  'request-timeout': 'problem-network',
  'offset-conflict': 'problem-try-again',
  gone: 'problem-gone',
  'tus-version': 'problem-invalid-request',
  'precondition-failed': 'problem-invalid-request',
  'file-too-large': 'problem-file-too-large',
  'unsupported-media-type': 'problem-invalid-request',
  'type-not-allowed': 'problem-type-not-allowed',
  'type-mismatch': 'problem-type-mismatch',
  executable: 'problem-executable',
  'archive-refused': 'problem-archive-refused',
  encrypted: 'problem-encrypted',
  infected: 'problem-infected',
  unscannable: 'problem-unscannable',
  'range-not-satisfiable': 'problem-invalid-request',
  'wrong-host': 'problem-forbidden',
  'checksum-mismatch': 'problem-checksum-mismatch',
  'try-again': 'problem-try-again',
  'rate-limited': 'problem-rate-limited',
  'too-many-sockets': 'problem-try-again',
  'headers-too-large': 'problem-invalid-request',
  'tus-checksum': 'problem-try-again',
  'server-error': 'problem-server',
  'shutting-down': 'problem-server',
  'storage-unavailable': 'problem-server',
  'keys-unavailable': 'problem-server',
  'scanner-unavailable': 'waitScanner',
  'quota-exceeded': 'problem-quota-exceeded',
  'storage-full': 'problem-storage-full',
};

/** `detail` is the server's own sentence: for codes of a newer server, which this widget does not know. */
export function problemText(words: Words, problem: { code: string | null; detail: string | null }): string {
  const { code, detail } = problem;
  if (code !== null && Object.hasOwn(SENTENCES, code)) return words.label(SENTENCES[code as keyof typeof SENTENCES]);
  return detail ?? words.label('problem-unknown');
}

/** What a failed call to the server means to a person; without an answer it is the network that is away. */
export function errorText(words: Words, error: unknown): string {
  if (!(error instanceof ApiError)) return words.label('problem-unknown');
  return error.answer === null ? words.label('problem-network') : problemText(words, error.answer);
}
