/** The OpenAPI document: valid, of the same routes as the server, of the same shapes as the contract. */
import { Validator } from '@seriousme/openapi-schema-validator';
import { pino } from 'pino';
import { describe, expect, expectTypeOf, test } from 'vitest';
import type { z } from 'zod';
import type { ChatConfig, ChatFile, FileList, UnfinishedUpload } from '../../server/contract/chat-file.ts';
import type { Problem } from '../../server/contract/problem.ts';
import { createRoutes } from '../../server/http/http-app.ts';
import { createOpenApiDocument } from '../../server/http/openapi-document.ts';
import { HEADERS } from '../../server/http/openapi-headers.ts';
import { OPERATIONS } from '../../server/http/openapi-operations.ts';
import type { WIRE_SCHEMAS } from '../../server/http/wire-schemas.ts';

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
  expectTypeOf<z.infer<typeof WIRE_SCHEMAS.ChatConfig>>().toEqualTypeOf<ChatConfig>();
  expectTypeOf<z.infer<typeof WIRE_SCHEMAS.Problem>>().toEqualTypeOf<Problem>();
});

/** As the router has them, from routes whose functions do nothing. */
function routesOfServer(): { path: string; verbs: string[] }[] {
  const nothing = async () => {};
  const group = new Proxy({}, { get: () => nothing });
  const needs = new Proxy({ mediaPath: '/media/', log: pino({ level: 'silent' }) } as Record<string, unknown>, {
    get: (own, name: string) => own[name] ?? (name === 'openApi' || name === 'media' ? nothing : group),
  });
  const routes = createRoutes(needs as unknown as Parameters<typeof createRoutes>[0]);
  return routes.stack.map(({ path, methods }) => ({
    path: bare(String(path).replaceAll(/:([a-z]+)|\{\*([a-z]+)\}/g, (_, one, rest) => `{${one ?? rest}}`)),
    // The router adds HEAD to every GET.
    verbs: methods.filter((verb) => verb !== 'HEAD' || !methods.includes('GET') || methods.length > 3),
  }));
}

/** A last slash more or less is the same route. */
function bare(path: string): string {
  return path.replace(/(.)\/$/, '$1');
}
