/** Signs tokens for the command line and the demo page, with the secret; private keys are the issuer's alone. */
import { SignJWT } from 'jose';
import type { ClaimRules } from './verify-token.ts';

export type TokenClaims = {
  company: string;
  role: 'user' | 'agent';
  session?: string | undefined;
  subject?: string | undefined;
};

export function signToken(
  rules: ClaimRules & { secret: string },
  claims: TokenClaims,
  lifetimeSeconds: number,
): Promise<string> {
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
