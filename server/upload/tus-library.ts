/** @tus/server with our parts in it: the store, the locker, the write path and the finish. It answers POST. */
import type { IncomingHttpHeaders } from 'node:http';
import { Server } from '@tus/server';
import { type CancellationContext, DataStore, ERRORS, type Locker, type Upload } from '@tus/utils';
import type { ProblemCode } from '../contract/problem.ts';
import type { PolicyOf } from '../rules/company-policy.ts';
import { Failure } from '../rules/failure.ts';
import { isPartial } from '../rules/upload-concat.ts';
import type { FinishPartial } from '../sharing/finish-partial.ts';
import type { FinishUpload } from '../sharing/finish-upload.ts';
import type { FileStorage } from '../storage/file-storage.ts';
import { stopWith } from './stop.ts';
import type { IncomingBody, WriteBody } from './write-body.ts';

/** `incoming` travels through the library in the place of a web stream: Node's own request, without seven streams around it. */
export type TusCall = IncomingBody & { headers: IncomingHttpHeaders };
export type TusAnswer = { status: number; offset: number | null; fileId: number | null };

type Needs = {
  path: string;
  policyOf: PolicyOf;
  locker: Locker;
  storage: Pick<FileStorage, 'create'>;
  writeBody: WriteBody;
  finishUpload: FinishUpload;
  finishPartial: FinishPartial;
};

/** Hands one request to the library. @throws {Failure} for everything that the library refuses, translated. */
export type TusLibrary = (call: TusCall) => Promise<TusAnswer>;

/** Its statuses → ours. Matched by identity: the library throws these very objects. */
const TRANSLATED = new Map<unknown, [ProblemCode, string]>([
  [
    ERRORS.INVALID_LENGTH,
    ['invalid-request', 'Upload-Length cannot be changed, and cannot be less than what is uploaded.'],
  ],
  [ERRORS.ERR_SIZE_EXCEEDED, ['file-too-large', 'The request brings more bytes than the upload announced.']],
  [ERRORS.ERR_MAX_SIZE_EXCEEDED, ['file-too-large', 'The file is larger than the limit. Choose a smaller one.']],
  [ERRORS.ABORTED, ['try-again', 'The request was interrupted.']],
  [ERRORS.ERR_LOCK_TIMEOUT, ['try-again', 'Another request is writing to this upload.']],
]);

export function createTusLibrary(needs: Needs): TusLibrary {
  const server = new Server({
    path: needs.path,
    datastore: new RowDataStore(needs.storage),
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
      // The answer to a creation is the last that its client may ask for: it waits, and has the verdict.
      if (isPartial(exchange.body.upload)) await needs.finishPartial(upload.id);
      else exchange.fileId = await needs.finishUpload(upload.id);
      return {};
    },
  });
  const writeToStore = (stream: unknown, upload: Upload, maxBytes: number, context: CancellationContext) =>
    needs.writeBody(stream as IncomingBody, upload.offset, maxBytes, stopWith(context.signal));
  // Protected there, and yet the one seam at which the body can be taken without a copy of every chunk.
  Object.assign(server.handlers.POST, { writeToStore });

  return async (call) => {
    const exchange = new Exchange(call, needs.path);
    const response = await server.handleWeb(exchange as unknown as Request);
    if (exchange.fault !== null) throw translate(exchange.fault);
    if (response.status >= 400) throw new Failure('invalid-request', 'The tus headers of this request are not valid.');
    const offset = response.headers.get('upload-offset');
    return { status: response.status, offset: offset === null ? null : Number(offset), fileId: exchange.fileId };
  };
}

const PASSED_HEADERS = ['tus-resumable', 'upload-length', 'upload-defer-length', 'content-type', 'content-length'];

/** What the library reads of a web Request, and what it leaves for us. */
class Exchange {
  readonly method = 'POST';
  readonly url: string;
  readonly headers = new Headers();
  readonly body: IncomingBody;
  fault: unknown = null;
  fileId: number | null = null;

  constructor(call: TusCall, path: string) {
    this.body = call;
    // Never the request's own URL: a query breaks the library's parser.
    this.url = `http://tus${path}`;
    for (const name of PASSED_HEADERS) {
      const value = call.headers[name];
      if (typeof value === 'string') this.headers.set(name, value);
    }
  }
}

function exchangeOf(request: Request): Exchange {
  return request as unknown as Exchange;
}

/** The library's view of the storage. */
class RowDataStore extends DataStore {
  private readonly storage: Needs['storage'];

  constructor(storage: Needs['storage']) {
    super();
    this.storage = storage;
    this.extensions = ['creation', 'creation-with-upload', 'creation-defer-length'];
  }

  override async create(upload: Upload): Promise<Upload> {
    await this.storage.create(upload.id, upload.size ?? null);
    return upload;
  }
}

function translate(fault: unknown): unknown {
  const known = TRANSLATED.get(fault);
  return known === undefined ? fault : new Failure(...known);
}
