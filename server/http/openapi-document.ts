/** Puts the OpenAPI 3.1 document together from the table of operations and the schemas that check requests and answers. */
import * as z from 'zod';
import { documentSchemas } from '../rules/document-schemas.ts';
import { HEADERS } from './openapi-headers.ts';
import type { Answer, Operation } from './openapi-operation.ts';
import { OPERATIONS } from './openapi-operations.ts';
import { WEBHOOK_SCHEMAS, webhookSchemaName } from './webhook-schemas.ts';
import { WIRE_SCHEMAS } from './wire-schemas.ts';

type Json = Record<string, unknown>;
export type OpenApiDocument = Json & { paths: Record<string, Record<string, Json>>; components: Json };

const SECURITY = {
  caller: [{ bearer: [] }, { cookie: [] }],
  bearer: [{ bearer: [] }],
  admin: [{ admin: [] }],
  none: [],
};
/** Of every operation: which code can come is in the README; the body is the same for all. */
const PROBLEM = { $ref: '#/components/responses/Problem' };

const TUS = `tus 1.0.0 (https://tus.io). Errors of the protocol have its statuses, with the same body as all others.
A client that cannot send PATCH, HEAD or DELETE sends POST with X-HTTP-Method-Override.`;
const TAGS: { name: Operation['tag'] | 'webhooks'; description: string }[] = [
  { name: 'session', description: 'the cookie' },
  { name: 'tus', description: TUS },
  { name: 'files', description: 'what is shared in a chat, and what is on its way' },
  { name: 'links', description: 'stored files by signed link' },
  { name: 'webhooks', description: 'sent to the endpoints of a company, signed as Standard Webhooks says' },
  { name: 'admin', description: 'for the operator; not there unless ADMIN_TOKEN is set' },
  { name: 'server', description: 'of the server itself' },
  { name: 'pages', description: 'the demo' },
];

/** `mediaPath`: where signed links lead, by the settings. */
export function createOpenApiDocument({ version, mediaPath }: { version: string; mediaPath: string }): OpenApiDocument {
  const paths: OpenApiDocument['paths'] = {};
  for (const [route, operation] of Object.entries(OPERATIONS)) {
    const [verb = '', path = ''] = route.split(' ');
    const shownPath = path.replace(/^\/media\//, mediaPath);
    paths[shownPath] ??= {};
    paths[shownPath][verb.toLowerCase()] = describe(path, operation);
  }
  return {
    openapi: '3.1.0',
    info: {
      title: 'Chatdrop',
      version,
      description: 'Resumable file sharing for chats: tus 1.0.0 for uploads, and the files of each chat.',
      license: { name: 'MIT', identifier: 'MIT' },
    },
    servers: [{ url: '/' }],
    tags: TAGS,
    paths,
    webhooks: describeWebhooks(),
    components: {
      schemas: documentSchemas({ ...WIRE_SCHEMAS, ...webhookSchemas() }, 'output'),
      responses: {
        Problem: {
          description: 'what is wrong, by RFC 9457',
          headers: headersOf(['Retry-After']),
          content: { 'application/problem+json': { schema: { $ref: '#/components/schemas/Problem' } } },
        },
      },
      securitySchemes: {
        bearer: { type: 'http', scheme: 'bearer', bearerFormat: 'JWT' },
        admin: { type: 'http', scheme: 'bearer', description: 'ADMIN_TOKEN' },
        cookie: { type: 'apiKey', in: 'cookie', name: 'chatdrop', description: 'set by POST /api/auth/session/' },
      },
    },
  };
}

/** What is sent to the endpoints of companies. */
function describeWebhooks(): Record<string, Json> {
  const parameters = ['webhook-id', 'webhook-timestamp', 'webhook-signature'].map((name) => ({
    name,
    in: 'header',
    required: true,
    schema: { type: 'string' },
  }));
  return Object.fromEntries(
    Object.entries(WEBHOOK_SCHEMAS).map(([type, { description = '' }]) => {
      const schema = { $ref: `#/components/schemas/${webhookSchemaName(type)}` };
      const post = {
        tags: ['webhooks'],
        summary: description,
        security: [],
        parameters,
        requestBody: { content: { 'application/json': { schema } } },
        responses: { '2XX': { description: 'it is taken; anything else is tried again' } },
      };
      return [type, { post }];
    }),
  );
}

function describe(path: string, { tag, summary, who, query, headers = [], body, answers }: Operation): Json {
  const inPath = [...path.matchAll(/\{([a-z]+)\}/g)].map(([, name]) => ({
    name,
    in: 'path',
    required: true,
    schema: { type: 'string' },
  }));
  const inHeaders = headers.map((name) => ({ name, in: 'header', ...HEADERS[name] }));
  return {
    tags: [tag],
    summary,
    security: SECURITY[who],
    parameters: [...inPath, ...(query === undefined ? [] : queryParameters(query)), ...inHeaders],
    ...(body === undefined ? {} : { requestBody: { content: { [body.type]: bodySchema(body.schema) } } }),
    responses: {
      ...Object.fromEntries(Object.entries(answers).map(([status, answer]) => [status, describeAnswer(answer)])),
      default: PROBLEM,
    },
  };
}

function describeAnswer({ what, json, body, headers = [] }: Answer): Json {
  const content =
    json === undefined
      ? body && { '*/*': body === 'bytes' ? { schema: { type: 'string', format: 'binary' } } : {} }
      : { 'application/json': { schema: { $ref: `#/components/schemas/${json}` } } };
  return {
    description: what,
    ...(headers.length === 0 ? {} : { headers: headersOf(headers) }),
    ...(content === undefined ? {} : { content }),
  };
}

function headersOf(names: readonly string[]): Json {
  return Object.fromEntries(
    names.map((name) => [name, { description: HEADERS[name]?.description, schema: HEADERS[name]?.schema }]),
  );
}

/** From the schema that checks the query: what it accepts when it is left out is optional. */
function queryParameters(schema: z.ZodObject): Json[] {
  const { properties = {} } = z.toJSONSchema(schema, { io: 'output' });
  return Object.entries(schema.shape).map(([name, field]) => ({
    name,
    in: 'query',
    required: !(field as z.ZodType).safeParse(undefined).success,
    schema: properties[name],
  }));
}

function bodySchema(schema: z.ZodObject | undefined): Json {
  if (schema === undefined) return {};
  const { $schema: _, ...shown } = z.toJSONSchema(schema, { io: 'input' });
  return { schema: shown };
}

function webhookSchemas(): Record<string, z.ZodType> {
  return Object.fromEntries(Object.entries(WEBHOOK_SCHEMAS).map(([type, schema]) => [webhookSchemaName(type), schema]));
}
