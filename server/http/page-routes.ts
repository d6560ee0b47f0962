/** The widget's files, its iframe page, the dashboard, the operator's page, and the demo page with its tokens (development mode only). */
import { randomBytes } from 'node:crypto';
import type { Context, Middleware } from 'koa';
import * as z from 'zod';
import { type Asset, type Assets, ENCODINGS, type Encoding } from '../assets.ts';
import type { Origins } from '../auth/origins.ts';
import type { TokenClaims } from '../auth/sign-token.ts';
import { Failure } from '../rules/failure.ts';
import { isScopeId } from '../rules/participant.ts';
import { POLICY_REPORTS_PATH } from './policy-reports.ts';
import { readJson } from './read-json.ts';
import { readQuery } from './read-query.ts';

type Needs = {
  assets: Assets;
  development: boolean;
  /** Where links lead; the demo moves there, so that "self" in its policy is one origin. */
  publicUrl(): string;
  /** Where the files that they show come from, if not from there. */
  filesOrigin: string | undefined;
  /** Whether there is an API for the operator's page to read. */
  hasAdminToken: boolean;
  /** Whose pages may hold the widget's iframe, besides our own: those of the company. */
  origins: Pick<Origins, 'isAllowedOrigin' | 'namedFor'>;
  signToken(claims: TokenClaims, lifetimeSeconds: number): Promise<string>;
  now(): number;
};

const DEMO_COMPANY = 'demo';
const DEMO_TOKEN_SECONDS = 60 * 60;
const MAX_JSON_BYTES = 1024;
/** Chunks are named by what is in them. */
const IMMUTABLE = /^chunk-[a-z0-9]+\./;
const YEAR_SECONDS = 365 * 24 * 60 * 60;
/** Where a developer's own page may stand: development mode is for this machine only. */
const LOOPBACK_PAGES = ['http://localhost:*', 'http://*.localhost:*', 'http://127.0.0.1:*', 'https://localhost:*'];
export const embedQuery = z.object({ company_id: z.string().refine(isScopeId) });
export const tokensBody = z.object({ session_id: z.string().refine(isScopeId).optional() });

export type PageRoutes = Record<
  'home' | 'widget' | 'scriptTag' | 'embed' | 'dashboard' | 'admin' | 'demo' | 'demoTokens',
  Middleware
>;

export function createPageRoutes(needs: Needs): PageRoutes {
  const onlyInDevelopment = () => {
    if (!needs.development) throw new Failure('not-found', 'The demo is there in development mode only.');
  };
  return {
    home: async (ctx) => {
      onlyInDevelopment();
      ctx.redirect('/demo/');
    },
    widget: async (ctx) => {
      sendForAnyPage(needs, ctx, String(ctx.params.name));
    },
    scriptTag: async (ctx) => {
      sendForAnyPage(needs, ctx, 'widget.js');
    },
    embed: async (ctx) => {
      const { company_id: company } = readQuery(embedQuery, ctx.query);
      const { development } = needs;
      const allowedOrigins = needs.origins.namedFor(company);
      const ancestors = ["'self'", ...allowedOrigins, ...(development ? LOOPBACK_PAGES : [])].join(' ');
      setPolicy(needs, ctx, ancestors);
      sendPage(needs, ctx, 'embed.html', {
        hosts: [...allowedOrigins, ...(development ? ['loopback'] : [])].join(' '),
      });
    },
    dashboard: async (ctx) => {
      setPolicy(needs, ctx, "'none'");
      ctx.set('X-Frame-Options', 'DENY');
      sendPage(needs, ctx, 'dashboard.html', { demo: needs.development ? 'offered' : 'none' });
    },
    admin: async (ctx) => {
      setPolicy(needs, ctx, "'none'");
      ctx.set('X-Frame-Options', 'DENY');
      sendPage(needs, ctx, 'admin.html', { token: needs.hasAdminToken ? 'set' : 'none' });
    },
    demo: async (ctx) => {
      onlyInDevelopment();
      const { host, origin } = new URL(needs.publicUrl());
      if (ctx.get('Host') !== host) return ctx.redirect(`${origin}/demo/`);
      setPolicy(needs, ctx, "'none'");
      ctx.set('X-Frame-Options', 'DENY');
      // A new chat's are in the page, so that it need not ask for them. Who may not read the page may not read them.
      const tokens = await demoTokens(needs, newSession());
      sendPage(needs, ctx, 'demo.html', { tokens: JSON.stringify(tokens) });
      ctx.set('Cache-Control', 'no-store');
    },
    demoTokens: async (ctx) => {
      onlyInDevelopment();
      const origin = ctx.get('Origin');
      if (origin !== '' && !needs.origins.isAllowedOrigin(origin, ctx.get('Host'), DEMO_COMPANY))
        throw new Failure('forbidden', 'Tokens are for the demo page only.');
      const { session_id } = readQuery(tokensBody, await readJson(ctx.req, MAX_JSON_BYTES));
      ctx.set('Cache-Control', 'no-store');
      ctx.body = await demoTokens(needs, session_id ?? newSession());
    },
  };
}

const newSession = () => randomBytes(9).toString('base64url');

async function demoTokens({ signToken, now }: Needs, session: string): Promise<Record<string, string>> {
  const sign = (claims: Pick<TokenClaims, 'role' | 'session' | 'subject'>) =>
    signToken({ company: DEMO_COMPANY, ...claims }, DEMO_TOKEN_SECONDS);
  const agent = { role: 'agent', subject: 'demo-agent' } as const;
  return {
    company_id: DEMO_COMPANY,
    session_id: session,
    user_token: await sign({ role: 'user', session }),
    agent_token: await sign({ ...agent, session }),
    dashboard_token: await sign(agent),
    expires_at: new Date(now() + DEMO_TOKEN_SECONDS * 1000).toISOString(),
  };
}

function setPolicy(needs: Needs, ctx: Context, frameAncestors: string): void {
  ctx.set('Content-Security-Policy', pagePolicy(needs, frameAncestors));
  ctx.set('Reporting-Endpoints', `csp="${POLICY_REPORTS_PATH}/"`);
  // Whoever opens a page of ours, or is opened by one, has no hold of its window.
  ctx.set('Cross-Origin-Opener-Policy', 'same-origin');
}

/** Nothing inline and nothing from elsewhere, but files under the public address, wherever the page itself was opened. */
function pagePolicy({ publicUrl, filesOrigin }: Needs, frameAncestors: string): string {
  const { origin } = new URL(publicUrl());
  const files = [origin, ...(filesOrigin === undefined ? [] : [filesOrigin])].join(' ');
  // Some browsers do not take the socket of the page's own server for 'self'.
  const sockets = origin.startsWith('https:') ? 'wss:' : 'ws: wss:';
  return (
    `default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' ${files} blob: data:; ` +
    `media-src 'self' ${files} blob:; connect-src 'self' ${files} ${sockets}; object-src 'none'; base-uri 'none'; ` +
    `form-action 'none'; frame-ancestors ${frameAncestors}; report-uri ${POLICY_REPORTS_PATH}/; report-to csp`
  );
}

/** The widget's files are public, and a module script of another site is read by CORS. */
function sendForAnyPage(needs: Needs, ctx: Context, name: string): void {
  if (!ctx.response.get('Access-Control-Allow-Origin')) ctx.set('Access-Control-Allow-Origin', '*');
  ctx.set('Cross-Origin-Resource-Policy', 'cross-origin');
  sendAsset(needs, ctx, name);
}

/** A page with its blanks (`{{name}}`) filled in; the values are origins and words, and escaped all the same. */
function sendPage(needs: Needs, ctx: Context, name: string, values: Record<string, string>): void {
  const { body } = findAsset(needs, name);
  ctx.body = body.toString().replace(/\{\{(\w+)\}\}/g, (_blank, key: string) => escapeHtml(values[key] ?? ''));
  setPageHeaders(ctx, 'text/html; charset=utf-8');
}

function escapeHtml(text: string): string {
  return text.replace(/[&<>"']/g, (character) => `&#${character.charCodeAt(0)};`);
}

function sendAsset(needs: Needs, ctx: Context, name: string): void {
  const asset = findAsset(needs, name);
  setPageHeaders(ctx, asset.contentType);
  if (IMMUTABLE.test(name)) ctx.set('Cache-Control', `public, max-age=${YEAR_SECONDS}, immutable`);
  const encoding = ctx.acceptsEncodings([...ENCODINGS.filter((each) => asset.encoded[each]), 'identity']) || 'identity';
  const compressed = asset.encoded[encoding as Encoding];
  // RFC 9110 section 8.8.3: each encoding is a representation of its own.
  const etag = compressed ? asset.etag.replace(/"$/, `-${encoding}"`) : asset.etag;
  ctx.vary('Accept-Encoding');
  ctx.set('ETag', etag);
  if (ctx.get('If-None-Match') === etag) {
    ctx.status = 304;
    return;
  }
  if (compressed) ctx.set('Content-Encoding', encoding);
  ctx.body = compressed ?? asset.body;
  ctx.set('Content-Type', asset.contentType);
}

function findAsset({ assets }: Needs, name: string): Asset {
  const asset = assets.get(name);
  if (asset === undefined)
    throw new Failure(
      'not-found',
      assets.size === 0 ? 'The pages are not built. Run: npm run build' : 'There is no such file.',
    );
  return asset;
}

function setPageHeaders(ctx: Context, contentType: string): void {
  ctx.set({ 'Content-Type': contentType, 'Cache-Control': 'no-cache' });
}
