/** What the OpenAPI document is told of a route. */
import type * as z from 'zod';
import type { WireSchemaName } from './wire-schemas.ts';

/** Names of headers of the request or the answer, from the table in `openapi-headers.ts`. */
export type Answer = { what: string; json?: WireSchemaName; body?: 'bytes' | 'text'; headers?: readonly string[] };

export type Operation = {
  tag: 'files' | 'tus' | 'session' | 'links' | 'admin' | 'server' | 'pages';
  summary: string;
  /** `caller`: a token or the cookie; `bearer`: a token; `admin`: ADMIN_TOKEN; `none`: no matter who. */
  who: 'caller' | 'bearer' | 'admin' | 'none';
  query?: z.ZodObject;
  headers?: readonly string[];
  body?: { type: string; schema?: z.ZodObject };
  answers: Record<number, Answer>;
};
