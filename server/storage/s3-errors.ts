/** What went wrong between us and an S3: in words that the edges know. */
import { Failure } from '../rules/failure.ts';

/** As SDK and Node throw them; read with care, since anything may be thrown. */
type Thrown = { name?: string; code?: unknown; $metadata?: { httpStatusCode?: number } };

/** Each store has its own word for it. */
const FULL = new Set([
  'QuotaExceeded',
  'XMinioStorageFull',
  'InsufficientStorage',
  'StorageFull',
  'ServiceQuotaExceededException',
]);
const MISSING = new Set(['NoSuchKey', 'NotFound', 'NoSuchUpload']);

/** The object or the multipart upload is not there. */
export function isMissing(error: unknown): boolean {
  const { name = '', $metadata } = (error ?? {}) as Thrown;
  return MISSING.has(name) || ($metadata?.httpStatusCode === 404 && name !== 'NoSuchBucket');
}

/** Asking again may help: nothing was wrong with the request itself. */
export function mayPass(error: unknown): boolean {
  const status = ((error ?? {}) as Thrown).$metadata?.httpStatusCode;
  return status === undefined || status >= 500 || status === 429 || status === 408;
}

const notOfTheStore = new WeakSet<Error>();

/** The calls of the database: a connection that it loses looks like one that the store loses, and is told by others. */
export function apart<T extends object>(table: T): T {
  const wrapped = { ...table } as Record<string, unknown>;
  for (const [name, call] of Object.entries(table)) {
    if (name === 'ids') continue;
    wrapped[name] = async (...args: unknown[]) => {
      try {
        return await call(...args);
      } catch (error) {
        if (error instanceof Error) notOfTheStore.add(error);
        throw error;
      }
    };
  }
  return wrapped as T;
}

/** @returns what to throw instead; what did not come from the store is itself */
export function translated(error: unknown): unknown {
  if (error instanceof Failure || !(error instanceof Error) || notOfTheStore.has(error)) return error;
  const { name = '', code, $metadata } = error as Thrown;
  const status = $metadata?.httpStatusCode;
  if (FULL.has(name) || status === 507)
    return new Failure('storage-full', 'The server has no room for this file right now.', {
      retryAfterSeconds: 60,
      cause: error,
    });
  const isOfTheStore =
    $metadata !== undefined || name === 'TimeoutError' || name === 'AbortError' || isNetworkCode(code);
  if (!isOfTheStore && !name.startsWith('Credentials')) return error;
  return new Failure('storage-unavailable', 'The storage does not answer right now.', {
    retryAfterSeconds: 5,
    cause: error,
  });
}

/** Of Node's sockets, TLS and names. */
function isNetworkCode(code: unknown): boolean {
  return typeof code === 'string' && /^(?:E[A-Z_]{4,}|ERR_(?:SSL|TLS|STREAM|HTTP)_\w+|\w*CERT\w*)$/.test(code);
}
