/** The AsyncAPI document: valid, of the events of the contract and no others, of the same shapes as the OpenAPI document. */
import specification from '@asyncapi/specs/schemas/3.0.0-without-$id.json' with { type: 'json' };
import { Ajv } from 'ajv';
import addFormats from 'ajv-formats';
import { describe, expect, expectTypeOf, test } from 'vitest';
import type * as z from 'zod';
import type { Join, Leave, RequestFileList, ServerEvent } from '../../server/contract/events.ts';
import { createOpenApiDocument } from '../../server/http/openapi-document.ts';
import { createAsyncApiDocument, schemaName } from '../../server/realtime/asyncapi-document.ts';
import { EVENT_EXAMPLES } from '../../server/realtime/event-examples.ts';
import { EVENT_SCHEMAS, type EventName } from '../../server/realtime/event-schemas.ts';
import type { joinSchema, leaveSchema, listSchema, plainFrame } from '../../server/realtime/message-schemas.ts';
import { createFaultOf } from '../services/documented-events.ts';

type Components = {
  messages: Record<string, { payload: object; examples: { payload: unknown }[] }>;
  schemas: Record<string, object>;
};
const document = createAsyncApiDocument({
  version: '1.2.3',
  publicUrl: 'https://files.example.com/sub',
  tokenInQuery: true,
});
const components = document.components as Components;

test('is valid AsyncAPI 3.0', () => {
  const ajv = new Ajv({ strict: false, allErrors: true, validateFormats: true });
  addFormats.default(ajv);
  const validate = ajv.compile(specification);
  validate(JSON.parse(JSON.stringify(document)));
  expect(ajv.errorsText(validate.errors)).toBe('No errors');
  const broken = { ...document, channels: { session: { address: 7 } } };
  expect(validate(broken)).toBe(false);
});

test('every reference leads somewhere, and every message is used', () => {
  const refs = new Set([...JSON.stringify(document).matchAll(/"\$ref":"#\/([^"]+)"/g)].map(([, path]) => path ?? ''));
  expect(refs.size).toBeGreaterThan(30);
  for (const path of refs) {
    // biome-ignore lint/suspicious/noExplicitAny: the document is looked into freely
    const found = path.split('/').reduce<any>((at, name) => at?.[name], document);
    expect([path, typeof found]).toEqual([path, 'object']);
  }
  for (const name of Object.keys(components.messages)) expect([...refs]).toContain(`components/messages/${name}`);
});

describe('events', () => {
  test('each of the contract is sent in every channel, and no other', () => {
    expectTypeOf<EventName>().toEqualTypeOf<ServerEvent['type']>();
    for (const channel of ['session', 'company', 'socketIo']) {
      const { messages } = document.operations[`${channel}.events`] as { messages: { $ref: string }[] };
      const prefix = `#/channels/${channel}/messages/`;
      expect(messages.map(({ $ref }) => $ref.slice(prefix.length)).sort()).toEqual(Object.keys(EVENT_SCHEMAS).sort());
    }
    for (const event of Object.keys(EVENT_SCHEMAS)) expect(components.schemas[schemaName(event)]).toBeDefined();
  });

  test('their schemas are the contract’s types', () => {
    expectTypeOf<Flat<Schemas>>().toEqualTypeOf<Flat<Contract>>();
  });

  test('what comes in is too', () => {
    expectTypeOf<z.infer<typeof joinSchema>>().toEqualTypeOf<Join>();
    expectTypeOf<z.infer<typeof leaveSchema>>().toEqualTypeOf<Leave>();
    expectTypeOf<z.infer<typeof listSchema>>().toEqualTypeOf<RequestFileList | null | undefined>();
    expectTypeOf<Omit<z.infer<typeof plainFrame>, 'type'>>().toEqualTypeOf<RequestFileList>();
  });

  test('every example is one, and what is none is refused', () => {
    const faultOf = createFaultOf(document);
    for (const [name, { examples }] of Object.entries(components.messages))
      for (const { payload } of examples) expect(faultOf(name, payload)).toBe('');
    expect(faultOf('file_removed', { ...EVENT_EXAMPLES.file_removed, reason: 'lost' })).toContain('reason');
    expect(faultOf('file_shared', { ...EVENT_EXAMPLES.file_shared, extra: 1 })).toContain('additional');
    expect(faultOf('join', { session_id: 'a/b' })).toContain('pattern');
    expect(faultOf('file_moved', {})).toContain('not in the document');
  });
});

test('what both documents describe, they describe alike', () => {
  const { components: other } = createOpenApiDocument({ version: '1', mediaPath: '/media/' });
  const { schemas } = other as { schemas: Record<string, object> };
  const both = Object.keys(components.schemas).filter((name) => name in schemas);
  expect(both.sort()).toEqual(['ChatFile', 'Problem']);
  for (const name of both) expect(components.schemas[name]).toEqual(schemas[name]);
});

describe('by the settings', () => {
  test('where the server is', () => {
    expect(document.servers).toMatchObject({
      plain: { host: 'files.example.com', pathname: '/sub', protocol: 'wss' },
      socketIo: { host: 'files.example.com', protocol: 'wss' },
    });
  });

  test('no token in addresses where none may be', () => {
    const closed = createAsyncApiDocument({ version: '1', publicUrl: 'http://127.0.0.1:8001', tokenInQuery: false });
    expect(closed.servers).toMatchObject({ plain: { host: '127.0.0.1:8001', protocol: 'ws' } });
    expect(JSON.stringify(closed.servers)).not.toContain('securitySchemes/query');
    const query = { properties: { after: expect.anything() } };
    expect(closed.channels.session).toMatchObject({ bindings: { ws: { query } } });
    expect(JSON.stringify(closed.channels.session)).not.toContain('"token"');
  });
});

type Fields<T> = { [Field in keyof T]: T[Field] };
type Flat<T> = { [Name in keyof T]: Fields<T[Name]> };
type Schemas = { [Name in EventName]: z.infer<(typeof EVENT_SCHEMAS)[Name]> };
type Contract = { [Name in ServerEvent['type']]: Extract<ServerEvent, { type: Name }> };
