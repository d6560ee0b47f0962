/**
 * An upload by tus 1.0.0 that goes on where it was: after a cut connection, a restarted server, and, by its `fileKey`, in
 * another process. The server's list of unfinished uploads says where that is, so nothing has to be stored here.
 */
import type { ChatFile, UnfinishedUpload } from '../contract/chat-file.ts';
import { ChatdropError } from './chatdrop-error.ts';
import { type Requester, waitFor } from './requester.ts';
import { type OpenSource, openSource, type UploadSource } from './upload-source.ts';
import { wait } from './wait.ts';

export type UploadOptions = {
  /** The file's name; that of the path or the File if left out. */
  name?: string;
  /** A media type; the bytes decide if left out. */
  type?: string;
  /** Needed where the token is bound to none. */
  session?: string;
  /** What makes the upload found again by another process, 128 characters at most: the same key and session go on. */
  fileKey?: string;
  /** Hex: the server checks it at the end. */
  sha256?: string;
  /** Bytes of a stream, if they are known. */
  size?: number;
  /** Bytes of one request, and what a stream takes of memory; 8 MiB if left out. */
  chunkBytes?: number;
  /** Milliseconds without a byte of progress after which it gives up; 10 minutes if left out. */
  giveUpAfterMs?: number;
  onProgress?: (progress: { bytesSent: number; size: number | undefined }) => void;
  /** Ends the sending; what the server has is kept there until it expires. */
  signal?: AbortSignal;
};

const TUS_PATH = '/api/chat/tus/';
const UPLOAD_PATH = /\/api\/chat\/tus\/([\w-]+)\/?$/;
const TUS = { 'Tus-Resumable': '1.0.0' };
const DEFAULT_CHUNK_BYTES = 8 * 1024 * 1024;
const DEFAULT_GIVE_UP_AFTER_MS = 600_000;
/** A piece on a slow line. */
const CHUNK_TIMEOUT_MS = 300_000;

/** How far an upload is: `fileId` once it is a file. */
type Place = { url: string; offset: number; deferred: boolean; fileId?: number };

/** @throws {ChatdropError} what the server refuses it for, or `unreachable` */
export async function uploadFile(
  requester: Requester,
  source: UploadSource,
  options: UploadOptions = {},
): Promise<ChatFile> {
  const open = await openSource(source, options.size);
  try {
    // A key of our own, so that an upload whose creation was answered into the void is found.
    const named = { fileKey: options.fileKey ?? crypto.randomUUID(), mayBeBegun: options.fileKey !== undefined };
    const id = await send(requester, open, { ...options, ...named });
    return await requester.json<ChatFile>({ method: 'GET', path: `/api/chat/files/${id}/`, signal: options.signal });
  } finally {
    await open.close();
  }
}

async function send(
  requester: Requester,
  source: OpenSource,
  options: UploadOptions & { fileKey: string; mayBeBegun: boolean },
): Promise<number> {
  const { signal, giveUpAfterMs = DEFAULT_GIVE_UP_AFTER_MS } = options;
  let place: Place | undefined;
  let progressAt = Date.now();
  for (let faults = 0; ; ) {
    signal?.throwIfAborted();
    try {
      const before = place?.offset ?? 0;
      place = await nextPlace(requester, source, options, place, faults > 0);
      // What arrived of a request that broke off is progress too.
      if (place.offset > before) {
        progressAt = Date.now();
        faults = 0;
      }
      if (place.fileId === undefined) place = await sendChunk(requester, source, place, options);
      if (place.fileId !== undefined) return place.fileId;
      progressAt = Date.now();
      faults = 0;
    } catch (error) {
      if (!(error instanceof ChatdropError) || !mayGoOn(error)) throw error;
      const waitMs = waitFor(error, faults);
      faults += 1;
      if (Date.now() + waitMs - progressAt > giveUpAfterMs) throw error;
      await wait(waitMs, signal);
    }
  }
}

/** After a fault the server is asked how far it is: whether an answer was lost, nobody else knows. */
async function nextPlace(
  requester: Requester,
  source: OpenSource,
  options: UploadOptions & { mayBeBegun: boolean },
  place: Place | undefined,
  hadFault: boolean,
): Promise<Place> {
  if (place !== undefined) return hadFault ? whereItStands(requester, place, options.signal) : place;
  const begun = options.mayBeBegun || hadFault ? await findBegun(requester, source, options) : undefined;
  return begun ?? (await create(requester, source, options));
}

/** What passes by itself, or is put right by asking where the upload stands. */
function mayGoOn({ status, code }: ChatdropError): boolean {
  return [0, 408, 409, 423, 429, 460, 500, 502, 503, 504].includes(status) && code !== 'too-many-sockets';
}

async function findBegun(
  requester: Requester,
  source: OpenSource,
  { fileKey, session, signal }: UploadOptions,
): Promise<Place | undefined> {
  const { uploads } = await requester.json<{ uploads: UnfinishedUpload[] }>({
    method: 'GET',
    path: '/api/chat/uploads/',
    query: { session_id: session },
    signal,
  });
  const found = uploads.find(
    // Another participant's may have the same key, and no URL.
    ({ file_key, size, upload_url }) =>
      upload_url !== undefined &&
      file_key === fileKey &&
      (source.size === undefined || size === null || size === source.size),
  );
  if (found?.upload_url === undefined) return undefined;
  const url = tusAddress(requester, found.upload_url);
  return whereItStands(requester, { url, offset: 0, deferred: found.size === null }, signal);
}

/**
 * An upload's URL where this client reaches the server: its own name for itself may be another.
 * @throws {ChatdropError} `invalid-request` for what is no upload's URL
 */
export function tusAddress({ url }: Pick<Requester, 'url'>, uploadUrl: string): string {
  const { pathname } = new URL(uploadUrl, `${url}/`);
  const [, id] = UPLOAD_PATH.exec(pathname) ?? [];
  if (id === undefined) throw new ChatdropError('invalid-request', 'This is no upload’s URL.');
  return `${url}${TUS_PATH}${id}`;
}

async function create(requester: Requester, source: OpenSource, options: UploadOptions): Promise<Place> {
  const { fileKey, session, sha256, signal } = options;
  const metadata = {
    filename: options.name ?? source.name,
    filetype: options.type ?? source.type,
    session_id: session,
    file_key: fileKey,
    sha256,
  };
  const answer = await requester.send({
    method: 'POST',
    path: TUS_PATH,
    headers: {
      ...TUS,
      ...(source.size === undefined ? { 'Upload-Defer-Length': '1' } : { 'Upload-Length': String(source.size) }),
      'Upload-Metadata': Object.entries(metadata)
        .flatMap(([name, value]) => (value === undefined ? [] : [`${name} ${toBase64(value)}`]))
        .join(','),
    },
    signal,
    patient: false,
  });
  const url = tusAddress(requester, answer.headers.get('Location') ?? '');
  return placeOf(answer, { url, offset: 0, deferred: source.size === undefined });
}

async function whereItStands(requester: Requester, place: Place, signal: AbortSignal | undefined): Promise<Place> {
  try {
    const answer = await requester.send({ method: 'HEAD', path: place.url, headers: TUS, signal, patient: false });
    return placeOf(answer, { ...place, deferred: answer.headers.has('Upload-Defer-Length') });
  } catch (error) {
    if (error instanceof ChatdropError && error.status === 410) await tellWhy(requester, place, signal);
    throw error;
  }
}

/** HEAD says that an upload has ended; PATCH says why. */
async function tellWhy(requester: Requester, place: Place, signal: AbortSignal | undefined): Promise<void> {
  await patch(requester, place, new Uint8Array(), {}, signal);
}

async function sendChunk(
  requester: Requester,
  source: OpenSource,
  place: Place,
  { chunkBytes = DEFAULT_CHUNK_BYTES, onProgress, signal }: UploadOptions,
): Promise<Place> {
  const chunk = await source.read(place.offset, chunkBytes);
  const isLast = place.deferred && chunk.length < chunkBytes;
  const length: Record<string, string> = isLast ? { 'Upload-Length': String(place.offset + chunk.length) } : {};
  const answer = await patch(requester, place, chunk, length, signal);
  const next = placeOf(answer, { ...place, deferred: place.deferred && !isLast });
  onProgress?.({ bytesSent: next.offset, size: source.size });
  if (next.fileId === undefined && next.offset === source.size)
    // All bytes are there, and are still checked.
    throw new ChatdropError('try-again', 'The file is being checked.', { status: 423, retryAfterSeconds: 1 });
  return next;
}

function patch(
  requester: Requester,
  { url, offset }: Place,
  body: Uint8Array<ArrayBuffer>,
  headers: Record<string, string>,
  signal: AbortSignal | undefined,
): Promise<Response> {
  return requester.send({
    method: 'PATCH',
    path: url,
    headers: {
      ...TUS,
      'Content-Type': 'application/offset+octet-stream',
      'Upload-Offset': String(offset),
      ...headers,
    },
    body,
    signal,
    patient: false,
    timeoutMs: CHUNK_TIMEOUT_MS,
  });
}

function placeOf({ headers }: Response, place: Place): Place {
  const offset = Number(headers.get('Upload-Offset') ?? place.offset);
  const id = headers.get('Chat-File-Id');
  return { ...place, offset, ...(id === null ? {} : { fileId: Number(id) }) };
}

/** Base64 of UTF-8. */
function toBase64(text: string): string {
  return btoa(String.fromCharCode(...new TextEncoder().encode(text)));
}
