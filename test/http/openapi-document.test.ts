/** The OpenAPI document: valid, of the same routes as the server, of the same shapes as the contract. */
import { Validator } from '@seriousme/openapi-schema-validator';
import { describe, expect, expectTypeOf, test } from 'vitest';
import type * as z from 'zod';
import type {
  AuditPage,
  AuditRecord,
  CompanyKeyList,
  CompanyPage,
  DeletionList,
  DeletionReceipt,
  InfectionPage,
  JobOverview,
  ShownCompanyKey,
  ShownCompanyPolicy,
} from '../../server/contract/admin.ts';
import type { ChatConfig, ChatFile, FileList, SessionList, UnfinishedUpload } from '../../server/contract/chat-file.ts';
import type { Analytics, Health, Overview } from '../../server/contract/operator.ts';
import type { Problem } from '../../server/contract/problem.ts';
import type {
  DeliveryPage,
  NewWebhook,
  ShownDelivery,
  ShownWebhook,
  WebhookSecret,
} from '../../server/contract/webhook.ts';
import { createOpenApiDocument } from '../../server/http/openapi-document.ts';
import { HEADERS } from '../../server/http/openapi-headers.ts';
import { OPERATIONS } from '../../server/http/openapi-operations.ts';
import type { WIRE_SCHEMAS } from '../../server/http/wire-schemas.ts';
import { bare, routesOfServer } from '../services/server-routes.ts';

const document = createOpenApiDocument({ version: '1.2.3', mediaPath: '/media/' });

test('is valid OpenAPI 3.1', async () => {
  const result = await new Validator().validate(structuredClone(document) as never);
  expect(result).toEqual({ valid: true });
});

describe('routes and document', () => {
  const documented = Object.entries(document.paths).flatMap(([path, verbs]) =>
    Object.keys(verbs).map((verb) => `${verb.toUpperCase()} ${bare(path)}`),
  );

  test('every route has its operation, and every operation its route', () => {
    // A route for all verbs decides itself which it knows: the table says those.
    const routed = routesOfServer().flatMap(({ path, verbs }) =>
      verbs.length > 3 ? documented.filter((row) => row.endsWith(` ${path}`)) : verbs.map((verb) => `${verb} ${path}`),
    );
    expect(routed.length).toBeGreaterThan(20);
    expect([...new Set(documented)].sort()).toEqual([...new Set(routed)].sort());
    for (const { path, verbs } of routesOfServer())
      if (verbs.length > 3) expect(documented.filter((row) => row.endsWith(` ${path}`)).length).toBeGreaterThan(2);
  });

  test('every header that is named is described, and no other', () => {
    const named = Object.values(OPERATIONS).flatMap(({ headers = [], answers }) => [
      ...headers,
      ...Object.values(answers).flatMap((answer) => answer.headers ?? []),
    ]);
    expect([...new Set([...named, 'Retry-After'])].sort()).toEqual(Object.keys(HEADERS).sort());
  });

  test('a query parameter has the bounds that the request is checked against', () => {
    expect(document.paths['/api/chat/files/']?.get?.parameters).toContainEqual({
      name: 'limit',
      in: 'query',
      required: false,
      schema: { type: 'integer', minimum: 1, maximum: 200 },
    });
  });

  test('signed links are where the settings put them', () => {
    const moved = createOpenApiDocument({ version: '1', mediaPath: '/files/' });
    expect([moved.paths['/files/{key}'], moved.paths['/media/{key}']]).toEqual([expect.anything(), undefined]);
  });
});

test('the schemas are the contract’s types', () => {
  expectTypeOf<z.infer<typeof WIRE_SCHEMAS.ChatFile>>().toEqualTypeOf<ChatFile>();
  expectTypeOf<z.infer<typeof WIRE_SCHEMAS.FileList>>().toEqualTypeOf<FileList>();
  expectTypeOf<z.infer<typeof WIRE_SCHEMAS.UnfinishedUpload>>().toEqualTypeOf<UnfinishedUpload>();
  expectTypeOf<z.infer<typeof WIRE_SCHEMAS.SessionList>>().toEqualTypeOf<SessionList>();
  expectTypeOf<z.infer<typeof WIRE_SCHEMAS.ChatConfig>>().toEqualTypeOf<ChatConfig>();
  expectTypeOf<z.infer<typeof WIRE_SCHEMAS.Problem>>().toEqualTypeOf<Problem>();
});

test('the operator’s too', () => {
  expectTypeOf<z.infer<typeof WIRE_SCHEMAS.ShownPolicy>>().toEqualTypeOf<ShownCompanyPolicy>();
  expectTypeOf<z.infer<typeof WIRE_SCHEMAS.CompanyList>>().toEqualTypeOf<CompanyPage>();
  expectTypeOf<z.infer<typeof WIRE_SCHEMAS.CompanyKey>>().toEqualTypeOf<ShownCompanyKey>();
  expectTypeOf<z.infer<typeof WIRE_SCHEMAS.CompanyKeys>>().toEqualTypeOf<CompanyKeyList>();
  expectTypeOf<z.infer<typeof WIRE_SCHEMAS.Deletion>>().toEqualTypeOf<DeletionReceipt>();
  expectTypeOf<z.infer<typeof WIRE_SCHEMAS.Deletions>>().toEqualTypeOf<DeletionList>();
  expectTypeOf<z.infer<typeof WIRE_SCHEMAS.JobReport>>().toEqualTypeOf<JobOverview>();
  expectTypeOf<z.infer<typeof WIRE_SCHEMAS.InfectionPage>>().toEqualTypeOf<InfectionPage>();
  // Of an action a client takes any word: a newer server may have more of them.
  type WebhooksOf = { webhooks: ShownWebhook[] };
  expectTypeOf<z.infer<typeof WIRE_SCHEMAS.Webhooks>>().toEqualTypeOf<WebhooksOf>();
  expectTypeOf<Omit<z.infer<typeof WIRE_SCHEMAS.NewWebhook>, 'secret'>>().toEqualTypeOf<Omit<NewWebhook, 'secret'>>();
  expectTypeOf<z.infer<typeof WIRE_SCHEMAS.WebhookSecret>>().toEqualTypeOf<WebhookSecret>();
  expectTypeOf<z.infer<typeof WIRE_SCHEMAS.WebhookDelivery>>().toEqualTypeOf<ShownDelivery>();
  expectTypeOf<z.infer<typeof WIRE_SCHEMAS.WebhookDeliveries>>().toEqualTypeOf<DeliveryPage>();
  expectTypeOf<z.infer<typeof WIRE_SCHEMAS.Health>>().toEqualTypeOf<Health>();
  expectTypeOf<z.infer<typeof WIRE_SCHEMAS.Overview>>().toEqualTypeOf<Overview>();
  // Each is the other: written as an intersection here and as one object there.
  expectTypeOf<z.infer<typeof WIRE_SCHEMAS.Analytics>>().toExtend<Analytics>();
  expectTypeOf<Analytics>().toExtend<z.infer<typeof WIRE_SCHEMAS.Analytics>>();
  type Audited = z.infer<typeof WIRE_SCHEMAS.AuditPage>;
  expectTypeOf<Omit<Audited['entries'][number], 'action'>>().toEqualTypeOf<Omit<AuditRecord, 'action'>>();
  expectTypeOf<Omit<Audited, 'entries'>>().toEqualTypeOf<Omit<AuditPage, 'entries'>>();
});
