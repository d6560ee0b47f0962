/** Tokens for visitors and agents, signed by your backend with the server's `JWT_SECRET` or with a private key. */
import { importPKCS8, SignJWT } from 'jose';

/** The secret of HS256 (at least 32 bytes), or a private key as PEM (PKCS #8) with its algorithm. */
export type SigningKey = { secret: string } | { privateKey: string; alg: 'RS256' | 'ES256' | 'EdDSA'; kid?: string };

type Common = SigningKey & {
  /** 1 to 64 of `A-Z a-z 0-9 _ -`. */
  company: string;
  /** Seconds; 15 minutes if left out. Sockets end with their token. */
  expiresIn?: number;
  /** Where the server asks for them (`JWT_ISSUER`, `JWT_AUDIENCE`). */
  issuer?: string;
  audience?: string;
};
export type VisitorClaims = Common & { session: string; sub?: string };
/** `session` left out: every session of the company. */
export type AgentClaims = Common & { sub: string; session?: string };

const DEFAULT_EXPIRES_IN_SECONDS = 900;
const MIN_SECRET_BYTES = 32;

/** A token for the visitor of one session. @throws {TypeError} for a secret that is too short */
export function signVisitorToken(claims: VisitorClaims): Promise<string> {
  return sign('user', claims);
}

/** A token for an agent. @throws {TypeError} for a secret that is too short */
export function signAgentToken(claims: AgentClaims): Promise<string> {
  return sign('agent', claims);
}

async function sign(role: 'user' | 'agent', claims: VisitorClaims | AgentClaims): Promise<string> {
  const { company, session, sub, issuer, audience, expiresIn = DEFAULT_EXPIRES_IN_SECONDS } = claims;
  const token = new SignJWT({ company_id: company, role, ...(session === undefined ? {} : { session_id: session }) });
  token.setIssuedAt().setExpirationTime(Math.floor(Date.now() / 1000) + expiresIn);
  if (sub !== undefined) token.setSubject(sub);
  if (issuer !== undefined) token.setIssuer(issuer);
  if (audience !== undefined) token.setAudience(audience);
  if ('secret' in claims) {
    const secret = new TextEncoder().encode(claims.secret);
    if (secret.length < MIN_SECRET_BYTES) throw new TypeError(`The secret needs at least ${MIN_SECRET_BYTES} bytes.`);
    return token.setProtectedHeader({ alg: 'HS256' }).sign(secret);
  }
  const { alg, kid, privateKey } = claims;
  return token
    .setProtectedHeader({ alg, ...(kid === undefined ? {} : { kid }) })
    .sign(await importPKCS8(privateKey, alg));
}
