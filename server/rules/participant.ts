/** Who is calling, and what they may see and do: every access decision of the product. */
import type { Uploader } from '../contract/chat-file.ts';
import { Failure } from './failure.ts';

/** The authenticated caller, from a token and nothing else. */
export type Participant = {
  company: string;
  role: Uploader;
  /** The one session the token is bound to; null: an agent who reaches every session of the company. */
  session: string | null;
  /** The token's `sub`; always there for agents. */
  subject: string | null;
  /** Milliseconds since the epoch; the token ends here. */
  expiresAt: number;
};

/** Who made an upload: a visitor is company + session, an agent is company + subject. */
export type UploadOwner = { company: string; session: string; uploader: Uploader; subject: string | null };

const MAX_SUBJECT_CHARACTERS = 255;
/** Of companies and sessions. */
export const SCOPE_ID = /^[A-Za-z0-9_-]{1,64}$/;

/** Company and session ids: 1 to 64 of `A-Z a-z 0-9 _ -`. */
export function isScopeId(value: unknown): value is string {
  return typeof value === 'string' && SCOPE_ID.test(value);
}

/** Who somebody is by the token's `sub`: 1 to 255 characters. */
export function isSubject(value: unknown): value is string {
  return typeof value === 'string' && value.length > 0 && value.length <= MAX_SUBJECT_CHARACTERS;
}

/** Whether something of this company and session exists for the caller at all (404 if not). */
export function seesSession(caller: Participant, company: string, session: string): boolean {
  return caller.company === company && (caller.session === null || caller.session === session);
}

/** Whether the caller is who made the upload, on whichever device. Others do not learn that it exists. */
export function isUploader(caller: Participant, owner: UploadOwner): boolean {
  if (!seesSession(caller, owner.company, owner.session) || caller.role !== owner.uploader) return false;
  return caller.role === 'user' || caller.subject === owner.subject;
}

/** An agent removes any file of the company, a visitor their own. Asked only for a visible file. */
export function mayRemove(caller: Participant, file: { uploader: Uploader }): boolean {
  return caller.role === 'agent' || file.uploader === 'user';
}

/**
 * The session that a caller works in: what is stated must be theirs, what is left out comes from the token.
 * @throws {Failure} `forbidden` for a stated company or session that is not theirs, `invalid-request` for a
 * malformed one, or when neither token nor statement names a session.
 */
export function chooseSession(caller: Participant, stated: { company?: string; session?: string }): string {
  checkCompany(caller, stated.company);
  if (stated.session !== undefined && !isScopeId(stated.session)) {
    throw new Failure('invalid-request', 'session_id must be 1 to 64 letters, digits, “_” or “-”.');
  }
  const session = stated.session ?? caller.session;
  if (session === null)
    throw new Failure('invalid-request', 'session_id is needed: this token is not bound to one session.');
  if (!seesSession(caller, caller.company, session))
    throw new Failure('forbidden', 'This token belongs to another session.');
  return session;
}

/**
 * As `chooseSession`, where a whole company can be meant too: null for an agent whose token is bound to no session and who
 * names none.
 */
export function chooseScope(caller: Participant, stated: { company?: string; session?: string }): string | null {
  if (stated.session !== undefined || caller.session !== null) return chooseSession(caller, stated);
  checkCompany(caller, stated.company);
  // Visitors are bound to a session by their token; should one ever not be, nothing is theirs.
  if (caller.role !== 'agent') throw new Failure('forbidden', 'Only an agent sees more than one session.');
  return null;
}

/** Stands for a session that is named later; no session's name. */
export const SESSION_TO_COME = '';

/** As `chooseSession`, while more of the request is to come: an agent without a session may still name one. */
export function chooseSessionSoFar(caller: Participant, stated: { company?: string; session?: string }): string {
  if (stated.session !== undefined || caller.session !== null) return chooseSession(caller, stated);
  checkCompany(caller, stated.company);
  return SESSION_TO_COME;
}

/** @throws {Failure} `forbidden` when an uploader is stated who the caller is not, `invalid-request` for one that is none. */
export function checkUploader(caller: Participant, uploader: string | undefined): void {
  if (uploader === undefined) return;
  if (uploader !== 'user' && uploader !== 'agent')
    throw new Failure('invalid-request', 'uploader must be user or agent.');
  if (uploader !== caller.role) throw new Failure('forbidden', 'The uploader is who the token says.');
}

/** @throws {Failure} when a company is stated that is malformed (400) or not the token's (403). */
export function checkCompany(caller: Participant, company: string | undefined): void {
  if (company === undefined) return;
  if (!isScopeId(company))
    throw new Failure('invalid-request', 'company_id must be 1 to 64 letters, digits, “_” or “-”.');
  if (company !== caller.company) throw new Failure('forbidden', 'This token belongs to another company.');
}

/** One name for everything that counts by user: rate limit, pending uploads, "all others". */
export function participantKey(caller: {
  company: string;
  role: Uploader;
  session: string | null;
  subject: string | null;
}): string {
  return caller.role === 'agent'
    ? `${caller.company}/agent/${caller.subject}`
    : `${caller.company}/user/${caller.session}`;
}
