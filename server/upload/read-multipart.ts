/** Reads a multipart/form-data body: @fastify/busboy finds the parts, here are the limits and every way a body can end. */
import type { IncomingMessage } from 'node:http';
import type { Readable } from 'node:stream';
import { Busboy, type BusboyInstance } from '@fastify/busboy';
import { Failure } from '../rules/failure.ts';
import { addField, type Fields } from './multipart-fields.ts';

/** The one file of a body, while its bytes come. */
export type FilePart = {
  name: string | undefined;
  declaredType: string | undefined;
  bytes: Readable;
};

export type MultipartOptions = {
  /** Of the whole body, with all that stands around the file. */
  maxBytes: number;
  /** No byte for this long ends the body. */
  idleTimeoutMs: number;
  /** Ends the reading: the server shuts down. */
  stopping: AbortSignal;
  /**
   * Takes the file when its part begins, with the fields that came before it. What it throws ends the body at once;
   * `cut` says that the body ended otherwise, and the file with it.
   */
  takeFile(file: FilePart, before: Fields, cut: AbortSignal): Promise<void>;
};

/** RFC 2046 section 5.1.1: "1 to 70 characters". */
const MAX_BOUNDARY_CHARACTERS = 70;
const MAX_FIELDS = 20;
const MAX_FIELD_BYTES = 16 * 1024;
const MAX_FIELD_NAME_CHARACTERS = 100;
/** Of one part: a file's name may have a few thousand characters. */
const MAX_PART_HEADER_BYTES = 32 * 1024;
const MAX_PART_HEADERS = 20;
/** The part that holds the file, by the original API's name. */
const FILE_FIELD = 'file';
/** What all that stands around the file may come to: fields, headers, boundaries. */
export const MAX_AROUND_FILE_BYTES = (MAX_FIELDS + 1) * (MAX_FIELD_BYTES + MAX_PART_HEADER_BYTES);

/**
 * All fields, after the file was taken and the body came to its end. Nothing reads the request any more when this
 * returns or throws, and `takeFile` is over.
 * @throws {Failure} `invalid-request`, `unsupported-media-type`, `file-too-large`, `request-timeout`, `shutting-down`,
 * and whatever `takeFile` throws
 */
export async function readMultipart(request: IncomingMessage, options: MultipartOptions): Promise<Fields> {
  const parser = createParser(request);
  const fields = new Map<string, string>();
  const cut = new AbortController();
  let file: { part: FilePart; taken: Promise<void> } | undefined;
  try {
    await new Promise<void>((resolve, reject) => {
      onParts(parser, {
        fail: reject,
        field: (name, value) => addField(fields, name, value),
        file: (part) => {
          if (file !== undefined) throw new Failure('invalid-request', 'Send one file in a request.');
          file = { part, taken: options.takeFile(part, fields, cut.signal) };
          file.taken.catch(reject);
        },
      });
      feed(request, parser, options, cut.signal).then(resolve, reject);
    });
    if (file === undefined) throw new Failure('invalid-request', `There is no file: send one as “${FILE_FIELD}”.`);
    await file.taken;
    return fields;
  } finally {
    cut.abort();
    await file?.taken.catch(() => {});
    file?.part.bytes.destroy();
  }
}

function createParser(request: IncomingMessage): BusboyInstance {
  const type = request.headers['content-type'] ?? '';
  if (!/^multipart\/form-data\s*(?:;|$)/i.test(type))
    throw new Failure('unsupported-media-type', 'Send the file as multipart/form-data.');
  const boundary = /;\s*boundary=(?:"([^"]+)"|([^\s";]+))/i.exec(type);
  const length = (boundary?.[1] ?? boundary?.[2] ?? '').length;
  if (length === 0 || length > MAX_BOUNDARY_CHARACTERS)
    throw new Failure('invalid-request', 'The Content-Type needs a boundary of 1 to 70 characters.');
  try {
    return new Busboy({
      headers: { ...request.headers, 'content-type': type },
      // One more than is allowed of each: the one too many is refused, not skipped.
      limits: {
        fields: MAX_FIELDS + 1,
        fieldSize: MAX_FIELD_BYTES,
        files: 2,
        parts: MAX_FIELDS + 2,
        headerPairs: MAX_PART_HEADERS,
        headerSize: MAX_PART_HEADER_BYTES,
      },
      isPartAFile: (_field, _type, fileName) => fileName !== undefined,
      // The name is cleaned by our own rules, which know of paths.
      preservePath: true,
    });
  } catch (cause) {
    throw new Failure('invalid-request', 'The Content-Type of this request cannot be read.', { cause });
  }
}

type Handlers = {
  fail(error: unknown): void;
  field(name: string, value: string): void;
  file(part: FilePart): void;
};

function onParts(parser: BusboyInstance, { fail, field, file }: Handlers): void {
  const guarded = (work: () => void) => {
    try {
      work();
    } catch (error) {
      fail(error);
    }
  };
  let fieldsSeen = 0;
  parser.on('field', (name, value, _nameTruncated, valueTruncated) =>
    guarded(() => {
      fieldsSeen += 1;
      if (fieldsSeen > MAX_FIELDS) throw tooManyParts();
      checkFieldName(name);
      if (name === FILE_FIELD) throw new Failure('invalid-request', `“${FILE_FIELD}” must be a file with a name.`);
      if (valueTruncated)
        throw new Failure('invalid-request', `The field ${name} is longer than ${MAX_FIELD_BYTES} bytes.`);
      field(name, value);
    }),
  );
  parser.on('file', (name, bytes, fileName, encoding, type) => {
    // Told through the parser too; without a listener it would end the process.
    bytes.on('error', () => {});
    guarded(() => {
      checkFieldName(name);
      if (name !== FILE_FIELD) throw new Failure('invalid-request', `Send the file as “${FILE_FIELD}”.`);
      if (!['7bit', '8bit', 'binary'].includes(encoding))
        throw new Failure('invalid-request', 'Send the bytes of the file as they are, without a transfer encoding.');
      file({ name: fileName || undefined, declaredType: typeOf(type), bytes });
    });
  });
  for (const limit of ['partsLimit', 'fieldsLimit', 'filesLimit'] as const)
    parser.on(limit, () => fail(tooManyParts()));
  parser.on('error', (cause) => fail(incomplete(cause)));
}

/** RFC 7578 section 4.4: without a type a part is `text/plain`, so that this says nothing. The parser does not tell the two apart. */
function typeOf(type: string): string | undefined {
  return type === 'text/plain' ? undefined : type;
}

function checkFieldName(name: string | undefined): void {
  if (name === undefined || name.length > MAX_FIELD_NAME_CHARACTERS)
    throw new Failure('invalid-request', `Every part needs a name of at most ${MAX_FIELD_NAME_CHARACTERS} characters.`);
}

/**
 * Request → parser, with back-pressure, to the end of both. Not `pipe`: that stops at the closing boundary, and a
 * connection whose body was not read to its end cannot be used again.
 */
function feed(
  request: IncomingMessage,
  parser: BusboyInstance,
  { maxBytes, idleTimeoutMs, stopping }: MultipartOptions,
  cut: AbortSignal,
): Promise<void> {
  return new Promise((resolve, reject) => {
    let receivedBytes = 0;
    let parsed = false;
    let ended = false;
    const idle = setTimeout(() => {
      // Paused by us, because the disk is the slow one: that is not the client's silence.
      if (request.isPaused()) idle.refresh();
      else reject(new Failure('request-timeout', 'No bytes came for a minute. Send the file again.'));
    }, idleTimeoutMs);
    const settle = () => {
      if (parsed && ended) resolve();
    };
    const onData = (chunk: Buffer) => {
      receivedBytes += chunk.length;
      if (receivedBytes > maxBytes)
        return reject(new Failure('file-too-large', 'The request is larger than a file may be.'));
      idle.refresh();
      if (!parser.write(chunk)) request.pause();
    };
    const onDrain = () => {
      idle.refresh();
      request.resume();
    };
    const onEnd = () => {
      ended = true;
      if (parsed) settle();
      else parser.end();
    };
    const onFinish = () => {
      parsed = true;
      settle();
    };
    const onLeft = () => {
      if (!ended) reject(incomplete());
    };
    const onStopping = () =>
      reject(
        new Failure('shutting-down', 'The server is restarting. Send the file again in a moment.', {
          retryAfterSeconds: 1,
        }),
      );
    const stop = () => {
      clearTimeout(idle);
      stopping.removeEventListener('abort', onStopping);
      request.off('data', onData).off('end', onEnd).off('close', onLeft);
      parser.off('drain', onDrain).off('finish', onFinish);
      request.pause();
    };
    cut.addEventListener('abort', stop, { once: true });
    stopping.addEventListener('abort', onStopping, { once: true });
    request.on('data', onData).on('end', onEnd).on('close', onLeft).on('error', onLeft);
    parser.on('drain', onDrain).on('finish', onFinish);
    if (stopping.aborted) onStopping();
    else if (request.destroyed) onLeft();
  });
}

function tooManyParts(): Failure {
  return new Failure('invalid-request', `Send one file and at most ${MAX_FIELDS} fields.`);
}

function incomplete(cause?: unknown): Failure {
  return new Failure('invalid-request', 'The body is no whole multipart/form-data body.', { cause });
}
