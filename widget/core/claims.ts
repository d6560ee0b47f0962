/** What a token says of itself, read without checking it: that is the server's part. */
import type { Uploader as Side } from '../../server/contract/chat-file.ts';

export type Claims = {
  role: Side | null;
  /** Seconds since 1970. */
  exp: number | null;
  iat: number | null;
};

/** All null for what is no JWT that can be read here. */
export function claimsOf(token: string): Claims {
  try {
    const payload = (token.split('.')[1] ?? '').replaceAll('-', '+').replaceAll('_', '/');
    const { role, exp, iat } = JSON.parse(atob(payload)) as Record<string, unknown>;
    return {
      role: role === 'user' || role === 'agent' ? role : null,
      exp: typeof exp === 'number' ? exp : null,
      iat: typeof iat === 'number' ? iat : null,
    };
  } catch {
    return { role: null, exp: null, iat: null };
  }
}
