/** The widget's files, and the demo page with its tokens (development mode only). */
import { randomBytes } from 'node:crypto';
import type { Context, Middleware } from 'koa';
import { z } from 'zod';
import type { Assets } from '../assets.ts';
import type { TokenClaims } from '../auth/sign-token.ts';
import { Failure } from '../rules/failure.ts';
import { isScopeId } from '../rules/participant.ts';
import { readQuery } from './read-query.ts';

type Needs = {
  assets: Assets;
  development: boolean;
  /** Where links lead; the demo moves there, so that "self" in its policy is one origin. */
  publicUrl(): string;
  isAllowedOrigin(origin: string, host: string | undefined): boolean;
  signToken(claims: TokenClaims, lifetimeSeconds: number): Promise<string>;
  now(): number;
};

const DEMO_COMPANY = 'demo';
const DEMO_TOKEN_SECONDS = 60 * 60;
const MAX_JSON_BYTES = 1024;
const PAGE_POLICY =
  "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' blob: data:; media-src 'self' blob:; " +
  "connect-src 'self' ws: wss:; base-uri 'none'; form-action 'none'; frame-ancestors 'none'";
export const tokensBody = z.object({ session_id: z.string().refine(isScopeId).optional() });

export type PageRoutes = Record<'home' | 'widget' | 'demo' | 'demoTokens', Middleware>;

export function createPageRoutes(needs: Needs): PageRoutes {
  const onlyInDevelopment = () => {
    if (!needs.development) throw new Failure('not-found', 'The demo is there in development mode only.');
  };
  return {
    home: async (ctx) => {
      onlyInDevelopment();
      ctx.redirect('/demo/');
    },
    widget: async (ctx) => sendAsset(needs, ctx, String(ctx.params.name)),
    demo: async (ctx) => {
      onlyInDevelopment();
      const { host, origin } = new URL(needs.publicUrl());
      if (ctx.get('Host') !== host) return ctx.redirect(`${origin}/demo/`);
      ctx.set('Content-Security-Policy', PAGE_POLICY);
      ctx.set('X-Frame-Options', 'DENY');
      sendAsset(needs, ctx, 'demo.html');
    },
    demoTokens: async (ctx) => {
      onlyInDevelopment();
      const origin = ctx.get('Origin');
      if (origin !== '' && !needs.isAllowedOrigin(origin, ctx.get('Host')))
        throw new Failure('forbidden', 'Tokens are for the demo page only.');
      const { session_id } = readQuery(tokensBody, await readJson(ctx));
      ctx.set('Cache-Control', 'no-store');
      ctx.body = await demoTokens(needs, session_id ?? randomBytes(9).toString('base64url'));
    },
  };
}

async function demoTokens({ signToken, now }: Needs, session: string): Promise<Record<string, string>> {
  const sign = (role: 'user' | 'agent') =>
    signToken(
      { company: DEMO_COMPANY, role, session, subject: role === 'agent' ? 'demo-agent' : undefined },
      DEMO_TOKEN_SECONDS,
    );
  return {
    company_id: DEMO_COMPANY,
    session_id: session,
    user_token: await sign('user'),
    agent_token: await sign('agent'),
    expires_at: new Date(now() + DEMO_TOKEN_SECONDS * 1000).toISOString(),
  };
}

function sendAsset({ assets }: Needs, ctx: Context, name: string): void {
  const asset = assets.get(name);
  if (asset === undefined)
    throw new Failure(
      'not-found',
      assets.size === 0 ? 'The pages are not built. Run: npm run build' : 'There is no such file.',
    );
  ctx.set({
    'Content-Type': asset.contentType,
    'X-Content-Type-Options': 'nosniff',
    'Cache-Control': 'no-cache',
    ETag: asset.etag,
    'Referrer-Policy': 'no-referrer',
  });
  if (ctx.get('If-None-Match') === asset.etag) {
    ctx.status = 304;
    return;
  }
  ctx.body = asset.body;
  ctx.set('Content-Type', asset.contentType);
}

/** A small JSON body; an empty one is `{}`. */
async function readJson(ctx: Context): Promise<unknown> {
  let text = '';
  for await (const chunk of ctx.req) {
    text += chunk;
    if (text.length > MAX_JSON_BYTES) throw new Failure('invalid-request', 'The body is too long.');
  }
  try {
    return text === '' ? {} : JSON.parse(text);
  } catch {
    throw new Failure('invalid-request', 'The body is not JSON.');
  }
}
