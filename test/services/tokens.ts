/** Makes the JWTs of the tests: good ones, and each kind of broken one. */
import { createHmac, type KeyObject } from 'node:crypto';

/** What `startChatdrop` gives the server as JWT_SECRET. */
export const TEST_SECRET = 'a-test-secret-of-more-than-thirty-two-bytes';
const ONE_HOUR_SECONDS = 3600;

export type Claims = {
  company_id?: unknown;
  session_id?: unknown;
  role?: unknown;
  sub?: unknown;
  /** Seconds since 1970; one hour from now when absent, left out when null. */
  exp?: number | string | null;
  [claim: string]: unknown;
};

export type SigningOptions = { secret?: string | KeyObject; alg?: 'HS256' | 'HS384' | 'HS512' | 'none' };

/** A token over exactly these claims (and `exp`): node:crypto signs it, so that nothing stops a wrong one from being made. */
export function signToken(claims: Claims, { secret = TEST_SECRET, alg = 'HS256' }: SigningOptions = {}): string {
  const { exp = nowSeconds() + ONE_HOUR_SECONDS, ...rest } = claims;
  const signed = `${encode({ alg, typ: 'JWT' })}.${encode(exp === null ? rest : { ...rest, exp })}`;
  if (alg === 'none') return `${signed}.`;
  const signature = createHmac(`sha${alg.slice(2)}`, secret)
    .update(signed)
    .digest('base64url');
  return `${signed}.${signature}`;
}

export function visitorToken(company: string, session: string, claims: Claims = {}): string {
  return signToken({ company_id: company, session_id: session, role: 'user', ...claims });
}

/** Without a session the agent reaches every session of the company. */
export function agentToken(company: string, agent = 'agent-1', session?: string, claims: Claims = {}): string {
  const bound = session === undefined ? {} : { session_id: session };
  return signToken({ company_id: company, role: 'agent', sub: agent, ...bound, ...claims });
}

/** Every fault a token can have, by name; undefined means no token at all. */
export function brokenTokens(company: string, session: string): Record<string, string | undefined> {
  const good = { company_id: company, session_id: session, role: 'user' };
  const [header = '', , signature = ''] = signToken(good).split('.');
  return {
    missing: undefined,
    malformed: 'not-a-token',
    'of three empty parts': '..',
    'altered after signing': `${header}.${encode({ ...good, role: 'agent', exp: nowSeconds() + 60 })}.${signature}`,
    'signed with a wrong key': signToken(good, { secret: 'another-secret-of-more-than-thirty-two-bytes' }),
    'alg none': signToken(good, { alg: 'none' }),
    'without its signature': `${signToken(good).split('.').slice(0, 2).join('.')}.`,
    expired: signToken({ ...good, exp: nowSeconds() - 3600 }),
    'without exp': signToken({ ...good, exp: null }),
    'exp not a number': signToken({ ...good, exp: 'tomorrow' }),
    'without company': signToken({ ...good, company_id: undefined }),
    'company of a wrong form': signToken({ ...good, company_id: '../other' }),
    'company not a text': signToken({ ...good, company_id: 7 }),
    'session of a wrong form': signToken({ ...good, session_id: 'a/b' }),
    'visitor without session': signToken({ ...good, session_id: undefined }),
    'without role': signToken({ ...good, role: undefined }),
    'with an unknown role': signToken({ ...good, role: 'admin' }),
    'agent without sub': signToken({ company_id: company, role: 'agent' }),
  };
}

export function nowSeconds(): number {
  return Math.floor(Date.now() / 1000);
}

function encode(value: unknown): string {
  return Buffer.from(JSON.stringify(value)).toString('base64url');
}
