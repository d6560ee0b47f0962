/** Reads the headers of a tus request; whatever is wrong with them is answered before the library sees the request. */
import type { IncomingMessage } from 'node:http';
import { Failure } from '../rules/failure.ts';
import type { UploadRequest } from '../sharing/new-upload.ts';

export const TUS_VERSION = '1.0.0';
/** "MUST be included in every request and response": also in a 401 or 405. */
export const VERSION_HEADER = 'Tus-Resumable';
/** What this version offers, in the words of `Tus-Extension`. */
export const TUS_EXTENSIONS = [
  'creation',
  'creation-with-upload',
  'creation-defer-length',
  'expiration',
  'termination',
  'checksum',
  'checksum-trailer',
  'concatenation',
  'concatenation-unfinished',
];

/** More than any client makes; what a header of 16 KiB can hold is less than this. */
const MAX_PARTS = 1000;
const OFFSET_TYPE = 'application/offset+octet-stream';

export type TusMetadata = { raw: string | null; get(...names: string[]): string | undefined };

/**
 * "The Tus-Resumable header MUST be included in every request […] except for OPTIONS. If the version […] is not
 * supported by the Server, it MUST respond with the 412 Precondition Failed status and MUST include the Tus-Version header".
 */
export function checkVersion(request: IncomingMessage): void {
  if (request.headers['tus-resumable'] === TUS_VERSION) return;
  const detail = `Send the header Tus-Resumable: ${TUS_VERSION}.`;
  throw new Failure('tus-version', detail, { headers: { 'Tus-Version': TUS_VERSION } });
}

/** "All PATCH requests MUST use Content-Type: application/offset+octet-stream, otherwise […] 415", and POST with a body too. */
export function checkBodyType(request: IncomingMessage): void {
  if (request.headers['content-type'] === OFFSET_TYPE) return;
  throw new Failure('unsupported-media-type', `Send the bytes with Content-Type: ${OFFSET_TYPE}.`);
}

/** Whether bytes come with the request: by RFC 9112 section 6.3, a length or a transfer coding says so. */
export function hasBody(request: IncomingMessage): boolean {
  return request.headers['transfer-encoding'] !== undefined || Number(request.headers['content-length'] ?? 0) > 0;
}

/**
 * Whether the body is announced to be all of a file of that length, and nothing else is to be looked at but its bytes: no
 * checksum of the body. Of no bytes a request brings all without a body.
 */
export function bringsAll({ headers }: IncomingMessage, sizeBytes: number | null): sizeBytes is number {
  if (headers['transfer-encoding'] !== undefined || headers['upload-checksum'] !== undefined) return false;
  return sizeBytes !== null && Number(headers['content-length'] ?? 0) === sizeBytes;
}

/** A header whose value "MUST be a non-negative integer". @returns null when it is absent */
export function readInteger(request: IncomingMessage, name: 'upload-offset' | 'upload-length'): number | null {
  const text = request.headers[name];
  if (text === undefined) return null;
  const value = typeof text === 'string' && /^\d{1,16}$/.test(text) ? Number(text) : Number.NaN;
  if (!Number.isSafeInteger(value)) throw new Failure('invalid-request', `${name} must be a whole number of bytes.`);
  return value;
}

/** `Upload-Concat`, told apart; the raw value is kept, since HEAD answers it "as received in the upload creation request". */
export type UploadConcat =
  | { kind: 'whole'; raw: null }
  | { kind: 'partial'; raw: string }
  | { kind: 'final'; raw: string; partialIds: string[] };

/** @throws {Failure} `invalid-request` for anything but `partial` and `final;` with a list of upload URLs */
export function readConcat(request: IncomingMessage, tusPath: string): UploadConcat {
  const raw = request.headers['upload-concat'];
  if (raw === undefined) return { kind: 'whole', raw: null };
  if (raw === 'partial') return { kind: 'partial', raw };
  const list = /^final;(.+)$/.exec(String(raw))?.[1];
  if (list === undefined)
    throw new Failure('invalid-request', 'Upload-Concat must be “partial” or “final;” and the URLs of the parts.');
  const urls = list.split(' ').filter((url) => url !== '');
  if (urls.length === 0 || urls.length > MAX_PARTS)
    throw new Failure('invalid-request', `A final upload is made of 1 to ${MAX_PARTS} parts.`);
  return { kind: 'final', raw: String(raw), partialIds: urls.map((url) => idIn(url, tusPath)) };
}

/**
 * "The partial uploads URLs MAY be absolute or relative." The host is not looked at: behind a proxy it is not ours, and
 * the id alone says which upload is meant.
 */
function idIn(url: string, tusPath: string): string {
  const parsed = URL.parse(url, `http://tus${tusPath}/`);
  const id = parsed?.pathname.replace(/\/$/, '').split('/').at(-1);
  if (id === undefined || id === '') throw new Failure('invalid-request', 'Upload-Concat names a part by no URL.');
  return id;
}

/** `Upload-Length`, or null for `Upload-Defer-Length: 1`; exactly one of them has to be there. */
export function readLength(request: IncomingMessage): number | null {
  const length = readInteger(request, 'upload-length');
  const deferred = request.headers['upload-defer-length'];
  if (deferred !== undefined && deferred !== '1')
    throw new Failure('invalid-request', 'Upload-Defer-Length must be 1.');
  if ((length === null) === (deferred === undefined)) {
    throw new Failure('invalid-request', 'Send either Upload-Length or Upload-Defer-Length: 1.');
  }
  return length;
}

/** `Upload-Metadata`, decoded. Kept as sent too, for HEAD "MUST include [it] […] with the same value". */
export function readMetadata(request: IncomingMessage): TusMetadata {
  const raw = request.headers['upload-metadata'];
  if (raw === undefined || raw === '') return { raw: null, get: () => undefined };
  const values = parseMetadata(String(raw));
  return {
    raw: String(raw),
    get: (...names) => names.map((name) => values.get(name)).find((value) => value !== undefined && value !== ''),
  };
}

/** What the metadata says of the file. */
export function describeFile(
  metadata: TusMetadata,
  sizeBytes: number | null,
  { req, state }: { req: IncomingMessage; state: { address: string } },
): UploadRequest {
  return {
    address: state.address,
    userAgent: req.headers['user-agent'],
    sizeBytes,
    metadata: metadata.raw,
    company: metadata.get('company_id'),
    session: metadata.get('session_id'),
    name: metadata.get('filename', 'name'),
    declaredType: metadata.get('filetype', 'type'),
    fileKey: metadata.get('file_key'),
    sha256: metadata.get('sha256'),
  };
}

/**
 * "one or more comma-separated key-value pairs. The key and value MUST be separated by a space. The key MUST NOT contain
 * spaces and commas and MUST NOT be empty. […] the value MUST be Base64 encoded. All keys MUST be unique." A value may be
 * left out. Not the library's parser: it takes keys such as `constructor` for doubles.
 */
function parseMetadata(raw: string): Map<string, string> {
  const values = new Map<string, string>();
  for (const pair of raw.split(',')) {
    const [key = '', value = '', ...more] = pair.trim().split(' ');
    const isBase64 = /^(?:[A-Za-z0-9+/]{4})*(?:[A-Za-z0-9+/]{2}(?:==)?|[A-Za-z0-9+/]{3}=?)?$/.test(value);
    if (key === '' || more.length > 0 || !isBase64 || values.has(key)) {
      throw new Failure(
        'invalid-request',
        'Upload-Metadata must be pairs of a key and a base64 value, separated by commas.',
      );
    }
    values.set(key, Buffer.from(value, 'base64').toString('utf8'));
  }
  return values;
}
