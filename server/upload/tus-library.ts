/** @tus/server with our parts in it: the store, the locker, the write path and the finish. It answers POST and PATCH. */
import type { IncomingHttpHeaders } from 'node:http';
import type { Readable } from 'node:stream';
import { Server } from '@tus/server';
import { type CancellationContext, DataStore, ERRORS, type Locker, Upload } from '@tus/utils';
import type { ProblemCode } from '../contract/problem.ts';
import type { UploadRecord, UploadTable } from '../database/upload-table.ts';
import type { PolicyOf } from '../rules/company-policy.ts';
import { Failure } from '../rules/failure.ts';
import { isPartial } from '../rules/upload-concat.ts';
import { isUnplaced } from '../rules/upload-place.ts';
import type { FinishPartial } from '../sharing/finish-partial.ts';
import type { FinishUpload } from '../sharing/finish-upload.ts';
import type { ReserveBytes } from '../sharing/reserve-bytes.ts';
import type { FileStorage } from '../storage/file-storage.ts';
import { finishedInTime } from './tus-answers.ts';

/** Takes a request's body to the storage. @returns the offset that is on disk. */
export type WriteBody = (body: IncomingBody, offset: number, maxBytes: number, signal: AbortSignal) => Promise<number>;
/** Bytes on their way into an upload. */
export type IncomingBody = { incoming: Readable; upload: UploadRecord };
/** `incoming` travels through the library in the place of a web stream: Node's own request, without seven streams around it. */
export type TusCall = IncomingBody & { method: 'POST' | 'PATCH'; headers: IncomingHttpHeaders };
export type TusAnswer = { status: number; offset: number | null; fileId: number | null };

type Needs = {
  path: string;
  policyOf: PolicyOf;
  locker: Locker;
  uploads: Pick<UploadTable, 'find'>;
  reserveBytes: Pick<ReserveBytes, 'forLength'>;
  storage: Pick<FileStorage, 'create' | 'offsetOf'>;
  writeBody: WriteBody;
  finishUpload: FinishUpload;
  finishPartial: FinishPartial;
};

/** Hands one request to the library. @throws {Failure} for everything that the library refuses, translated. */
export type TusLibrary = (call: TusCall) => Promise<TusAnswer>;

/** Its statuses → ours. Matched by identity: the library throws these very objects. */
const TRANSLATED = new Map<unknown, [ProblemCode, string]>([
  [
    ERRORS.INVALID_OFFSET,
    ['offset-conflict', 'Upload-Offset is not where the upload stands. Ask with HEAD and go on from there.'],
  ],
  [
    ERRORS.INVALID_LENGTH,
    ['invalid-request', 'Upload-Length cannot be changed, and cannot be less than what is uploaded.'],
  ],
  [ERRORS.ERR_SIZE_EXCEEDED, ['file-too-large', 'The request brings more bytes than the upload announced.']],
  [ERRORS.ERR_MAX_SIZE_EXCEEDED, ['file-too-large', 'The file is larger than the limit. Choose a smaller one.']],
  [ERRORS.FILE_NOT_FOUND, ['not-found', 'There is no such upload.']],
  [ERRORS.FILE_NO_LONGER_EXISTS, ['gone', 'This upload has ended. Start it again.']],
  [ERRORS.ABORTED, ['try-again', 'The request was interrupted.']],
  [ERRORS.ERR_LOCK_TIMEOUT, ['try-again', 'Another request is writing to this upload.']],
]);

export function createTusLibrary(needs: Needs): TusLibrary {
  const server = new Server({
    path: needs.path,
    datastore: new RowDataStore(needs.uploads, needs.storage, needs.reserveBytes),
    locker: needs.locker,
    maxSize: async (request) => (await needs.policyOf(exchangeOf(request).body.upload.company)).maxFileSizeBytes,
    // Who is asked to stop has its bytes on disk within milliseconds; the stock 3 s would only delay the newcomer.
    lockDrainTimeout: 1,
    namingFunction: (request) => exchangeOf(request).body.upload.id,
    // Ours makes the Location; the library's would reflect the Host header.
    generateUrl: (_request, { path, id }) => `${path}/${id}`,
    onResponseError: (request, error) => {
      exchangeOf(request).fault = error;
      return undefined;
    },
    onUploadFinish: async (request, upload) => {
      const exchange = exchangeOf(request);
      if (isPartial(exchange.body.upload)) await needs.finishPartial(upload.id);
      else exchange.fileId = await finished(exchange, needs.finishUpload(upload.id));
      return {};
    },
  });
  const writeToStore = (stream: unknown, upload: Upload, maxBytes: number, context: CancellationContext) =>
    needs.writeBody(stream as IncomingBody, upload.offset, maxBytes, context.signal);
  // Protected there, and yet the one seam at which the body can be taken without a copy of every chunk.
  Object.assign(server.handlers.POST, { writeToStore });
  Object.assign(server.handlers.PATCH, { writeToStore });

  return async (call) => {
    const exchange = new Exchange(call, needs.path);
    const response = await server.handleWeb(exchange as unknown as Request);
    if (exchange.fault !== null) throw translate(exchange.fault);
    if (response.status >= 400) throw new Failure('invalid-request', 'The tus headers of this request are not valid.');
    const offset = response.headers.get('upload-offset');
    return { status: response.status, offset: offset === null ? null : Number(offset), fileId: exchange.fileId };
  };
}

/** The answer to a creation is the last that its client may ask for: it waits, and has the verdict. */
function finished({ method }: Exchange, finish: Promise<number>): Promise<number> {
  return method === 'POST' ? finish : finishedInTime(finish);
}

const PASSED_HEADERS = [
  'tus-resumable',
  'upload-offset',
  'upload-length',
  'upload-defer-length',
  'content-type',
  'content-length',
];

/** What the library reads of a web Request, and what it leaves for us. */
class Exchange {
  readonly method: string;
  readonly url: string;
  readonly headers = new Headers();
  readonly body: IncomingBody;
  fault: unknown = null;
  fileId: number | null = null;

  constructor(call: TusCall, path: string) {
    this.body = call;
    this.method = call.method;
    // Never the request's own URL: a query breaks the library's id parser.
    this.url = this.method === 'POST' ? `http://tus${path}` : `http://tus${path}/${call.upload.id}`;
    for (const name of PASSED_HEADERS) {
      const value = call.headers[name];
      // A length that is known already was compared; the library would refuse even the same one.
      if (name === 'upload-length' && call.method === 'PATCH' && call.upload.sizeBytes !== null) continue;
      if (typeof value === 'string') this.headers.set(name, value);
    }
  }
}

function exchangeOf(request: Request): Exchange {
  return request as unknown as Exchange;
}

/** The library's view of an upload: the row says what it is, the storage how far it is. */
class RowDataStore extends DataStore {
  private readonly uploads: Needs['uploads'];
  private readonly storage: Needs['storage'];
  private readonly reserveBytes: Needs['reserveBytes'];

  constructor(uploads: Needs['uploads'], storage: Needs['storage'], reserveBytes: Needs['reserveBytes']) {
    super();
    this.reserveBytes = reserveBytes;
    this.uploads = uploads;
    this.storage = storage;
    this.extensions = ['creation', 'creation-with-upload', 'creation-defer-length'];
  }

  override async create(upload: Upload): Promise<Upload> {
    await this.storage.create(upload.id, upload.size ?? null);
    return upload;
  }

  override async getUpload(id: string): Promise<Upload> {
    const record = await this.uploads.find(id);
    const offset = record?.state === 'open' ? await this.offsetIn(record) : null;
    if (record === null || offset === null) throw ERRORS.FILE_NO_LONGER_EXISTS;
    return new Upload({ id, offset, ...(record.sizeBytes === null ? {} : { size: record.sizeBytes }) });
  }

  /** The place of an upload that was created without bytes is made for its first ones. */
  private async offsetIn(upload: UploadRecord): Promise<number | null> {
    const offset = await this.storage.offsetOf(upload.id);
    if (offset !== null || !isUnplaced(upload)) return offset;
    await this.storage.create(upload.id, upload.sizeBytes);
    return 0;
  }

  override async declareUploadLength(id: string, sizeBytes: number): Promise<void> {
    if (!(await this.reserveBytes.forLength(id, sizeBytes))) throw ERRORS.INVALID_LENGTH;
  }
}

function translate(fault: unknown): unknown {
  const known = TRANSLATED.get(fault);
  return known === undefined ? fault : new Failure(...known);
}
