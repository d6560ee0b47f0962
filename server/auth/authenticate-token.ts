/** Turns a JWT into a Participant, and back for `chatdrop token` and the demo. HS256 only so far. */
import { errors, jwtVerify, SignJWT } from 'jose';
import { z } from 'zod';
import { Failure } from '../rules/failure.ts';
import { isScopeId, type Participant } from '../rules/participant.ts';

/** Seconds by which the clocks of issuer and server may differ. */
const CLOCK_SKEW_SECONDS = 5;
/** A longer token is refused unread. */
const MAX_TOKEN_CHARACTERS = 8192;
const MAX_SUBJECT_CHARACTERS = 255;

const scopeId = z.string().refine(isScopeId);
const subject = z.string().min(1).max(MAX_SUBJECT_CHARACTERS);
const claimsSchema = z.discriminatedUnion('role', [
  z.object({
    role: z.literal('user'),
    company_id: scopeId,
    session_id: scopeId,
    sub: subject.optional(),
    exp: z.number(),
  }),
  z.object({
    role: z.literal('agent'),
    company_id: scopeId,
    session_id: scopeId.optional(),
    sub: subject,
    exp: z.number(),
  }),
]);

type TokenRules = { secret: string; issuer: string | undefined; audience: string | undefined };

/** Checks a token. @throws {Failure} `unauthenticated` or `token-expired` (401), never with the token in it. */
export type AuthenticateToken = (token: string) => Promise<Participant>;

/** `exp` is required; `iss` and `aud` are checked where they are set; `alg: none` and other algorithms are refused. */
export function createAuthenticateToken(rules: TokenRules): AuthenticateToken {
  const key = new TextEncoder().encode(rules.secret);
  const options = {
    algorithms: ['HS256'],
    requiredClaims: ['exp'],
    clockTolerance: CLOCK_SKEW_SECONDS,
    ...(rules.issuer === undefined ? {} : { issuer: rules.issuer }),
    ...(rules.audience === undefined ? {} : { audience: rules.audience }),
  };
  return async (token) => {
    if (token.length > MAX_TOKEN_CHARACTERS) throw new Failure('unauthenticated', 'The token is too long.');
    const { payload } = await jwtVerify(token, key, options).catch((error: unknown) => {
      if (error instanceof errors.JWTExpired)
        throw new Failure('token-expired', 'The token has expired. Get a new one.');
      throw new Failure('unauthenticated', 'The token is not valid.', { cause: error });
    });
    const claims = claimsSchema.safeParse(payload);
    if (!claims.success) {
      const names = [...new Set(claims.error.issues.map((issue) => issue.path.join('.') || 'role'))].join(', ');
      throw new Failure('unauthenticated', `The token lacks a valid ${names}.`);
    }
    const { company_id, role, session_id, sub, exp } = claims.data;
    const expiresAt = exp * 1000;
    return { company: company_id, role, session: session_id ?? null, subject: sub ?? null, expiresAt };
  };
}

export type TokenClaims = {
  company: string;
  role: 'user' | 'agent';
  session?: string | undefined;
  subject?: string | undefined;
};

/** Signs a token for the command line and the demo page. */
export function signToken(rules: TokenRules, claims: TokenClaims, lifetimeSeconds: number): Promise<string> {
  const token = new SignJWT({
    company_id: claims.company,
    role: claims.role,
    ...(claims.session === undefined ? {} : { session_id: claims.session }),
  })
    .setProtectedHeader({ alg: 'HS256' })
    .setIssuedAt()
    .setExpirationTime(Math.floor(Date.now() / 1000) + lifetimeSeconds);
  if (claims.subject !== undefined) token.setSubject(claims.subject);
  if (rules.issuer !== undefined) token.setIssuer(rules.issuer);
  if (rules.audience !== undefined) token.setAudience(rules.audience);
  return token.sign(new TextEncoder().encode(rules.secret));
}
