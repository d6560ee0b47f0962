/** Companies, for the operator: what each has of its own, and its keys. No answer ever holds a secret. */
import type { RouterContext } from '@koa/router';
import type { Context } from 'koa';
import * as z from 'zod';
import { type Actor, OPERATOR } from '../rules/actor.ts';
import type { CompanyKey } from '../rules/company-key.ts';
import { shownPolicy } from '../rules/company-policy.ts';
import { Failure } from '../rules/failure.ts';
import { isScopeId } from '../rules/participant.ts';
import type { ManageCompanies, ShownPolicy } from '../sharing/manage-companies.ts';
import type { ClientOf } from './client-of.ts';
import { readJson } from './read-json.ts';
import { readQuery } from './read-query.ts';

const MAX_BODY_BYTES = 256 * 1024;

export const companiesQuery = z.object({
  after: z.string().max(64).default(''),
  limit: z.coerce.number().int().min(1).max(1000).default(100),
});
export const newKeyBody = z.strictObject({
  id: z.string().optional().describe('to tell keys apart; of the key itself if left out'),
  key: z.string().describe('a secret of at least 32 bytes (HS256), or a public key as PEM or JWK'),
});

type AdminMiddleware = (ctx: RouterContext) => Promise<void>;
export type PolicyAdminRoutes = Record<
  'list' | 'show' | 'replace' | 'clear' | 'keys' | 'addKey' | 'removeKey',
  AdminMiddleware
>;

type Needs = { companies: ManageCompanies; clientOf: ClientOf };

export function createPolicyAdminRoutes({ companies, clientOf }: Needs): PolicyAdminRoutes {
  const operator = (ctx: RouterContext): Actor => ({ ...OPERATOR, ...clientOf(ctx.req) });
  return {
    list: async (ctx) => {
      const { after, limit } = readQuery(companiesQuery, ctx.query);
      const listed = await companies.list(after, limit + 1);
      const page = listed.slice(0, limit);
      ctx.body = {
        companies: page.map(({ company, ...held }) => ({ company_id: company, ...held })),
        next_after: listed.length > limit ? page.at(-1)?.company : null,
      };
    },
    show: async (ctx) => {
      const company = companyOf(ctx);
      present(ctx, company, await companies.show(company));
    },
    replace: async (ctx) => {
      const company = companyOf(ctx);
      const policy = await readJson(ctx.req, MAX_BODY_BYTES);
      present(ctx, company, await companies.replace(company, policy, expectedBy(ctx), operator(ctx)));
    },
    clear: async (ctx) => {
      await companies.replace(companyOf(ctx), {}, expectedBy(ctx), operator(ctx));
      ctx.status = 204;
    },
    keys: async (ctx) => {
      ctx.body = { keys: (await companies.keys(companyOf(ctx))).map(presentKey) };
    },
    addKey: async (ctx) => {
      const company = companyOf(ctx);
      const { id, key } = readQuery(newKeyBody, await readJson(ctx.req, MAX_BODY_BYTES));
      ctx.body = presentKey(await companies.addKey(company, key, id, operator(ctx)));
      ctx.status = 201;
    },
    removeKey: async (ctx) => {
      await companies.removeKey(companyOf(ctx), String(ctx.params.key), operator(ctx));
      ctx.status = 204;
    },
  };
}

function companyOf(ctx: RouterContext): string {
  const { company } = ctx.params;
  if (!isScopeId(company)) throw new Failure('not-found', 'No company has such a name.');
  return company;
}

/** RFC 9110 section 13.1.1. Without the header whatever is there is replaced. */
function expectedBy(ctx: Context): (version: number) => boolean {
  const header = ctx.get('If-Match');
  const named = header.split(',').map((tag) => tag.trim());
  return (version) => header === '' || named.includes('*') || named.includes(etagOf(version));
}

function etagOf(version: number): string {
  return `"${version}"`;
}

function present(ctx: Context, company: string, { version, updatedAt, own, effective }: ShownPolicy): void {
  ctx.set('ETag', etagOf(version));
  ctx.body = {
    company_id: company,
    version,
    updated_at: updatedAt === null ? null : timeOf(updatedAt),
    policy: own,
    effective: shownPolicy(effective),
  };
}

function presentKey({ id, kind, fingerprint, createdAt }: CompanyKey) {
  return { id, kind, fingerprint, created_at: timeOf(createdAt) };
}

function timeOf(ms: number): string {
  return new Date(ms).toISOString();
}
