/** The AWS SDK's clients, with bounds on everything that it leaves unbounded. */
import type { S3Client, S3ClientConfig } from '@aws-sdk/client-s3';
import type { S3Settings } from '../rules/s3-settings.ts';
import { type BodyGuard, UNSIGNED } from './s3-body-guard.ts';

/** For tests: what is waited for at most. */
export type S3Timeouts = { requestTimeoutMs: number; stallTimeoutMs: number; maxWaitingMs: number };

export const S3_TIMEOUTS: S3Timeouts = {
  /** From the request's first byte to the answer's. A part of 5 MiB takes it at 1.4 Mbit/s. */
  requestTimeoutMs: 30_000,
  /** Between two bytes of an object that is read. */
  stallTimeoutMs: 20_000,
  /** So much of a slow body a process that dies may cost: what came earlier counts. */
  maxWaitingMs: 5_000,
};
const CONNECT_TIMEOUT_MS = 5_000;
/** Of one request; the SDK waits a little longer before each further one. */
const MAX_ATTEMPTS = 3;

const SILENT = { trace() {}, debug() {}, info() {}, warn() {}, error() {} };

/** @param maxSockets what is above waits for its turn */
export function s3Config(settings: S3Settings, timeouts: S3Timeouts, maxSockets: number): S3ClientConfig {
  const { region, endpoint, useTls, pathStyle, credentials } = settings;
  const agent = { keepAlive: true, maxSockets };
  return {
    region,
    ...(endpoint !== undefined && { endpoint }),
    ...(credentials !== undefined && { credentials }),
    tls: useTls,
    forcePathStyle: pathStyle,
    maxAttempts: MAX_ATTEMPTS,
    // Newer checksums are refused or not understood by older Ceph, R2 and B2.
    requestChecksumCalculation: 'WHEN_REQUIRED',
    responseChecksumValidation: 'WHEN_REQUIRED',
    // The SDK makes a connection of its own for each large body that waits for `100 Continue`, beside the bound and never kept.
    expectContinueHeader: false,
    // It warns on the console of what is thrown as well.
    logger: SILENT,
    requestHandler: {
      connectionTimeout: CONNECT_TIMEOUT_MS,
      requestTimeout: timeouts.requestTimeoutMs,
      // Without it the SDK writes a warning and goes on waiting.
      throwOnRequestTimeout: true,
      httpAgent: agent,
      httpsAgent: agent,
    },
  };
}

const WITH_BYTES = new Set(['PutObjectCommand', 'UploadPartCommand']);

/** Otherwise the SDK hashes what is in memory for the signature, whole, and while the event loop waits. */
export function guardBodies(client: S3Client, guardOf: BodyGuard): void {
  client.middlewareStack.add(
    (next, { commandName }) =>
      async (args) => {
        const { protocol, headers, body } = args.request as Outgoing;
        if (!WITH_BYTES.has(String(commandName))) return next(args);
        if (Buffer.isBuffer(body)) Object.assign(headers, await guardOf(protocol, body));
        // Of a stream nobody knows the hash before it is sent.
        else if (protocol === 'https:') Object.assign(headers, UNSIGNED);
        return next(args);
      },
    { step: 'build', name: 'guardBodies' },
  );
}

type Outgoing = { protocol: string; headers: Record<string, string>; body?: unknown };
