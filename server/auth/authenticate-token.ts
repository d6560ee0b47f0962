/** Turns a JWT into a Participant. */
import * as z from 'zod';
import { Failure } from '../rules/failure.ts';
import { isScopeId, isSubject, type Participant } from '../rules/participant.ts';
import { createKeptTokens } from './kept-tokens.ts';
import { type ClaimRules, createVerifyToken, type TokenKeys } from './verify-token.ts';

const scopeId = z.string().refine(isScopeId);
const subjectId = z.string().refine(isSubject);
const claimsSchema = z.discriminatedUnion('role', [
  z.object({
    role: z.literal('user'),
    company_id: scopeId,
    session_id: scopeId,
    sub: subjectId.optional(),
    exp: z.number(),
  }),
  z.object({
    role: z.literal('agent'),
    company_id: scopeId,
    session_id: scopeId.optional(),
    sub: subjectId,
    exp: z.number(),
  }),
]);

/**
 * Checks a token. @throws {Failure} `unauthenticated` or `token-expired` (401), `keys-unavailable` (503); never with the
 * token in it
 */
export type AuthenticateToken = (token: string) => Promise<Authenticated>;
/** `signedBy`: the name of the key, by which is found out later whether it still counts. */
export type Authenticated = Readonly<Participant & { signedBy: string }>;

export function createAuthenticateToken(rules: TokenKeys & ClaimRules): AuthenticateToken {
  const verifyToken = createVerifyToken(rules);
  const kept = createKeptTokens<Authenticated>({ now: Date.now });
  return async (token) => {
    const known = await kept.find(token);
    if (known !== null) return known;
    const { payload, signedBy, holds } = await verifyToken(token);
    const claims = claimsSchema.safeParse(payload);
    if (!claims.success) {
      const names = [...new Set(claims.error.issues.map((issue) => issue.path.join('.') || 'role'))].join(', ');
      throw new Failure('unauthenticated', `The token lacks a valid ${names}.`);
    }
    const { company_id, role, session_id, sub, exp } = claims.data;
    const expiresAt = exp * 1000;
    const [session, subject] = [session_id ?? null, sub ?? null];
    // Every request with this token gets the same one.
    const caller = Object.freeze({ company: company_id, role, session, subject, expiresAt, signedBy });
    kept.keep(token, { caller, holds });
    return caller;
  };
}
