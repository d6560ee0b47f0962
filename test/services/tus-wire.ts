/** tus 1.0.0 spoken by hand: every header and byte is the test's own. */
import type { Readable } from 'node:stream';
import { type OpenRequest, openRequest, send, type WireAnswer } from './wire.ts';

export const TUS_PATH = '/api/chat/tus/';
const TUS_VERSION = '1.0.0';
const OFFSET_CONTENT_TYPE = 'application/offset+octet-stream';

type Headers = Record<string, string | undefined>;
type Body = Buffer | string | Readable;

export type CreateOptions = {
  baseUrl: string;
  token?: string | undefined;
  /** Upload-Length; absent together with a `body` it is the body's length, unless `deferLength`. */
  length?: number | undefined;
  deferLength?: boolean;
  /** Encoded as Upload-Metadata. */
  metadata?: Record<string, string>;
  /** Sent with the creation (creation-with-upload). */
  body?: Buffer | undefined;
  headers?: Headers;
  path?: string;
};

/** The answer, and `url`: the absolute upload URL ('' when there is no Location). */
export type Created = WireAnswer & { url: string };

export async function create(options: CreateOptions): Promise<Created> {
  const { baseUrl, token, deferLength = false, metadata, body, headers = {}, path = TUS_PATH } = options;
  const length = options.length ?? (deferLength ? undefined : body?.length);
  const answer = await send({
    method: 'POST',
    url: baseUrl + path,
    headers: {
      ...base(token),
      'upload-length': length === undefined ? undefined : String(length),
      'upload-defer-length': deferLength ? '1' : undefined,
      'upload-metadata': metadata === undefined ? undefined : encodeMetadata(metadata),
      'content-type': body === undefined ? undefined : OFFSET_CONTENT_TYPE,
      ...headers,
    },
    body,
  });
  const { location } = answer.headers;
  return { ...answer, url: location === undefined ? '' : new URL(location, baseUrl + path).href };
}

export type PatchOptions = {
  url: string;
  token?: string | undefined;
  offset: number;
  body: Body;
  headers?: Headers;
  timeoutMs?: number;
};

export async function patch({ url, token, offset, body, headers, timeoutMs }: PatchOptions): Promise<WireAnswer> {
  return await send({
    method: 'PATCH',
    url,
    headers: { ...patchHeaders(token, offset), ...headers },
    body,
    ...(timeoutMs === undefined ? {} : { timeoutMs }),
  });
}

/** A PATCH that announces `length` bytes and whose body the test sends piece by piece, or never. */
export function openPatch(options: Omit<PatchOptions, 'body'> & { length: number }): OpenRequest {
  const { url, token, offset, length, headers, timeoutMs } = options;
  return openRequest({
    method: 'PATCH',
    url,
    headers: { ...patchHeaders(token, offset), 'content-length': String(length), ...headers },
    ...(timeoutMs === undefined ? {} : { timeoutMs }),
  });
}

export async function head(url: string, token?: string, headers?: Headers): Promise<WireAnswer> {
  return await send({ method: 'HEAD', url, headers: { ...base(token), ...headers } });
}

export async function terminate(url: string, token?: string, headers?: Headers): Promise<WireAnswer> {
  return await send({ method: 'DELETE', url, headers: { ...base(token), ...headers } });
}

/** Upload-Offset as a number; NaN when the header is absent. */
export function offsetOf(answer: WireAnswer): number {
  return Number.parseInt(String(answer.headers['upload-offset']), 10);
}

/** The `Chat-File-Id` of an answer; NaN when absent. */
export function fileIdOf(answer: WireAnswer): number {
  return Number.parseInt(String(answer.headers['chat-file-id']), 10);
}

export function encodeMetadata(metadata: Record<string, string>): string {
  return Object.entries(metadata)
    .map(([key, value]) => (value === '' ? key : `${key} ${Buffer.from(value).toString('base64')}`))
    .join(',');
}

function base(token: string | undefined): Headers {
  return { 'tus-resumable': TUS_VERSION, authorization: token === undefined ? undefined : `Bearer ${token}` };
}

function patchHeaders(token: string | undefined, offset: number): Headers {
  return { ...base(token), 'upload-offset': String(offset), 'content-type': OFFSET_CONTENT_TYPE };
}
