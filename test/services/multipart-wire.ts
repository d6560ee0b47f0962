/** A multipart body written by hand: every boundary, header and byte is the test's own. */
import { bearer } from './chat-api.ts';
import { type OpenRequest, openRequest, send, type WireAnswer } from './wire.ts';

export const BOUNDARY = 'a-boundary-of-the-test';

export type Part = { headers: readonly string[]; body: Buffer | string };
type To = { baseUrl: string; token: string };

export function field(name: string, value: string): Part {
  return { headers: [`Content-Disposition: form-data; name="${name}"`], body: value };
}

/** `disposition` replaces the usual end of the header, name and filename. */
export function filePart(body: Buffer | string, disposition = 'name="file"; filename="a.png"', type?: string): Part {
  const headers = [`Content-Disposition: form-data; ${disposition}`];
  if (type !== undefined) headers.push(`Content-Type: ${type}`);
  return { headers, body };
}

/** The body up to where its end would be written. */
export function openBody(parts: readonly Part[], boundary = BOUNDARY): Buffer {
  const written = parts.map(({ headers, body }) =>
    Buffer.concat([Buffer.from(`--${boundary}\r\n${headers.join('\r\n')}\r\n\r\n`), Buffer.from(body), CRLF]),
  );
  return Buffer.concat(written);
}

export function wholeBody(parts: readonly Part[], boundary = BOUNDARY): Buffer {
  return Buffer.concat([openBody(parts, boundary), Buffer.from(`--${boundary}--\r\n`)]);
}

export async function postParts(to: To, parts: readonly Part[]): Promise<WireAnswer> {
  return await postBody(to, wholeBody(parts));
}

export async function postBody(
  to: To,
  body: Buffer,
  contentType = `multipart/form-data; boundary=${BOUNDARY}`,
  headers: Record<string, string> = {},
): Promise<WireAnswer> {
  return await send({ method: 'POST', url: urlOf(to), headers: { ...headersOf(to, contentType), ...headers }, body });
}

/** A chunked request that the test writes piece by piece. */
export function openPost(to: To): OpenRequest {
  const headers = headersOf(to, `multipart/form-data; boundary=${BOUNDARY}`);
  return openRequest({ method: 'POST', url: urlOf(to), headers: { ...headers, 'transfer-encoding': 'chunked' } });
}

const CRLF = Buffer.from('\r\n');

function urlOf({ baseUrl }: To): string {
  return `${baseUrl}/api/chat/upload/`;
}

function headersOf({ token }: To, contentType: string): Record<string, string | undefined> {
  return { ...bearer(token), 'content-type': contentType };
}
