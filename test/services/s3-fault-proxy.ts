/** Stands before an S3 and does to its requests what a bad day does: by the name of the operation, so many times. */
import { once } from 'node:events';
import { createServer, type IncomingMessage, request, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';

/**
 * `503`: refused before it was looked at. `cut`: the connection ends in the middle of the request's body, or before it where
 * there is none; the store gets nothing. `lost`: carried out, and the connection ends instead of the answer. `error-in-200`:
 * the store gets nothing, the answer is 200 with an error in its body. `hang`: never answered. `cut-answer`: the answer
 * breaks off in the middle of its body. `changed`: one bit of the request's body is another when it comes to the store.
 */
export type S3Fault = '503' | 'full' | 'cut' | 'lost' | 'error-in-200' | 'hang' | 'cut-answer' | 'changed';

export type S3Operation =
  | 'CreateMultipartUpload'
  | 'UploadPart'
  | 'UploadPartCopy'
  | 'CompleteMultipartUpload'
  | 'AbortMultipartUpload'
  | 'PutObject'
  | 'CopyObject'
  | 'GetObject'
  | 'HeadObject'
  | 'DeleteObject'
  | 'HeadBucket'
  | 'List';

export type S3FaultProxy = {
  endpoint: string;
  /** The next `times` requests of the operation meet the fault. */
  fail(operation: S3Operation, fault: S3Fault, times?: number): void;
  /** Called before the next request of the operation is passed on, or when its answer is here and not yet passed on. */
  on(operation: S3Operation, when: 'before' | 'after', act: () => Promise<void>): void;
  /** No fault any more. */
  heal(): void;
  /** Faults that were not met yet. */
  left(): number;
  /** All so far, in order, and those alone that were carried out. */
  operations(): S3Operation[];
  stop(): Promise<void>;
};

type Planned = { operation: S3Operation; fault: S3Fault };
type Act = { operation: S3Operation; when: 'before' | 'after'; act: () => Promise<void> };

const ERROR = (code: string) =>
  `<?xml version="1.0" encoding="UTF-8"?><Error><Code>${code}</Code><Message>x</Message></Error>`;

export async function startS3FaultProxy(target: string): Promise<S3FaultProxy> {
  let planned: Planned[] = [];
  let acts: Act[] = [];
  const done: S3Operation[] = [];
  const handle = async (incoming: IncomingMessage, outgoing: ServerResponse) => {
    incoming.on('error', () => undefined);
    const operation = operationOf(incoming);
    const index = planned.findIndex((fault) => fault.operation === operation);
    const [met] = index < 0 ? [] : planned.splice(index, 1);
    const takeAct = (when: Act['when']) => {
      const act = acts.find((candidate) => candidate.operation === operation && candidate.when === when);
      acts = acts.filter((candidate) => candidate !== act);
      return act?.act();
    };
    await takeAct('before');
    if (met !== undefined && (await meet(met.fault, incoming, outgoing))) return;
    forward(target, incoming, outgoing, met?.fault === 'changed', async (answer) => {
      done.push(operation);
      await takeAct('after');
      if (met?.fault === 'lost') incoming.socket.destroy();
      else if (met?.fault === 'cut-answer') cutAnswer(answer, outgoing);
      else {
        outgoing.writeHead(answer.statusCode ?? 500, answer.headers);
        answer.pipe(outgoing);
      }
    });
  };
  const server = createServer((incoming, outgoing) => {
    // Who asked is gone: a node that was killed in the middle of its request.
    handle(incoming, outgoing).catch(() => outgoing.destroy());
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  return {
    endpoint: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    fail(operation, fault, times = 1) {
      for (let count = 0; count < times; count += 1) planned.push({ operation, fault });
    },
    on: (operation, when, act) => void acts.push({ operation, when, act }),
    heal() {
      planned = [];
    },
    left: () => planned.length,
    operations: () => [...done],
    async stop() {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}

/** @returns whether the request has its end with it */
async function meet(fault: S3Fault, incoming: IncomingMessage, outgoing: ServerResponse): Promise<boolean> {
  switch (fault) {
    case 'hang':
      incoming.resume();
      return true;
    case 'cut':
      if (Number(incoming.headers['content-length'] ?? 0) > 0) await once(incoming, 'data');
      incoming.socket.destroy();
      return true;
    case '503':
    case 'full':
    case 'error-in-200':
      for await (const _chunk of incoming);
      outgoing.writeHead(fault === '503' ? 503 : fault === 'full' ? 507 : 200, { 'content-type': 'application/xml' });
      outgoing.end(ERROR(fault === 'full' ? 'InsufficientStorage' : fault === '503' ? 'SlowDown' : 'InternalError'));
      return true;
    default:
      return false;
  }
}

/** With the headers as they are: what was signed is the proxy's own address. */
function forward(
  target: string,
  incoming: IncomingMessage,
  outgoing: ServerResponse,
  changed: boolean,
  onAnswer: (answer: IncomingMessage) => Promise<void>,
): void {
  const { hostname, port } = new URL(target);
  const { method, url, headers } = incoming;
  const passed = request({ hostname, port, method, path: url, headers }, (answer) => {
    answer.on('error', () => outgoing.destroy());
    void onAnswer(answer);
  });
  passed.on('error', () => outgoing.destroy());
  if (changed) incoming.once('data', flipOneBit);
  incoming.pipe(passed);
  outgoing.on('close', () => {
    if (!incoming.complete) passed.destroy();
  });
}

/** In place, before the next listener has it. */
function flipOneBit(chunk: Buffer): void {
  chunk[0] = (chunk[0] ?? 0) ^ 1;
}

function cutAnswer(answer: IncomingMessage, outgoing: ServerResponse): void {
  outgoing.writeHead(answer.statusCode ?? 500, answer.headers);
  let first = true;
  answer.on('data', (chunk: Buffer) => {
    if (!first) return;
    first = false;
    outgoing.write(chunk.subarray(0, Math.ceil(chunk.length / 2)), () => {
      outgoing.socket?.destroy();
      answer.destroy();
    });
  });
}

function operationOf({ method = '', url = '', headers }: IncomingMessage): S3Operation {
  const { pathname, searchParams } = new URL(url, 'http://s3');
  const isCopy = headers['x-amz-copy-source'] !== undefined;
  const isBucket = pathname.split('/').filter(Boolean).length < 2;
  const hasUpload = searchParams.has('uploadId');
  if (method === 'POST') return hasUpload ? 'CompleteMultipartUpload' : 'CreateMultipartUpload';
  if (method === 'PUT' && hasUpload) return isCopy ? 'UploadPartCopy' : 'UploadPart';
  if (method === 'PUT') return isCopy ? 'CopyObject' : 'PutObject';
  if (method === 'DELETE') return hasUpload ? 'AbortMultipartUpload' : 'DeleteObject';
  if (method === 'HEAD') return isBucket ? 'HeadBucket' : 'HeadObject';
  return isBucket ? 'List' : 'GetObject';
}
