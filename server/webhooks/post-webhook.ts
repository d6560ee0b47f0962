/**
 * Sends one message to an address that a stranger chose: to a public one, which is looked up once and connected to as it was
 * checked; it follows no redirect, reads the beginning of the answer and no more, and takes its time and no longer.
 */
import http, { type IncomingMessage } from 'node:http';
import https from 'node:https';
import type { LookupFunction } from 'node:net';
import { hostOf, isAllowedAddress, type PrivateTargets, webhookUrlFault } from '../rules/webhook-target.ts';
import type { Resolved, ResolveHost } from './resolve-host.ts';

/** For the whole answer, the name's lookup included. */
const TIMEOUT_MS = 15_000;
/** Of the answer's body. */
const MAX_ANSWER_BYTES = 1024;
const MAX_ANSWER_BODY_MS = 2000;
const MAX_HEADER_BYTES = 16 * 1024;

export type WebhookAnswer = { status: number; body: string; retryAfter: string | undefined };

/** @throws {Error} when there is no answer; the message says why. `stopping` ends it */
export type PostWebhook = (
  url: string,
  headers: Record<string, string>,
  body: string,
  stopping: AbortSignal,
) => Promise<WebhookAnswer>;

type Needs = {
  allowed: PrivateTargets;
  resolve: ResolveHost;
  /** For tests. */
  timeoutMs?: number;
};

export function createPostWebhook({ allowed, resolve, timeoutMs = TIMEOUT_MS }: Needs): PostWebhook {
  return async (address, headers, body, stopping) => {
    const fault = webhookUrlFault(address, allowed);
    if (fault !== null) throw new Error(`its address ${fault}`);
    const url = new URL(address);
    const timeout = AbortSignal.timeout(timeoutMs);
    const signal = AbortSignal.any([stopping, timeout]);
    try {
      const addresses = await until(signal, resolve(hostOf(url)));
      checkAll(addresses, hostOf(url), allowed);
      return await until(signal, post(url, headers, body, pinned(addresses), signal));
    } catch (error) {
      if (timeout.aborted) throw new Error(`it did not answer within ${timeoutMs / 1000} seconds`, { cause: error });
      throw new Error(wordsOf(error), { cause: error });
    }
  };
}

/** One private address among public ones is one too many: which of them is taken is not ours to say. */
function checkAll(addresses: readonly Resolved[], host: string, allowed: PrivateTargets): void {
  if (addresses.length === 0) throw new Error('its name has no address');
  const refused = addresses.find(({ address }) => !isAllowedAddress(address, host, allowed));
  if (refused !== undefined) throw new Error(`its name leads to ${refused.address}, a private address`);
}

/** Whatever is asked for, what was checked is the answer. */
function pinned(addresses: readonly Resolved[]): LookupFunction {
  return (_host, options, callback) => {
    const [first] = addresses as [Resolved];
    if (options.all) callback(null, [...addresses]);
    else callback(null, first.address, first.family);
  };
}

function post(
  url: URL,
  headers: Record<string, string>,
  body: string,
  lookup: LookupFunction,
  signal: AbortSignal,
): Promise<WebhookAnswer> {
  const { request, Agent } = url.protocol === 'https:' ? https : http;
  // Of its own: nobody else's connection is used for it, and no proxy of the environment.
  const agent = new Agent({ keepAlive: false, maxCachedSessions: 0 });
  return new Promise<WebhookAnswer>((resolve, reject) => {
    const sending = request(url, {
      method: 'POST',
      headers: { ...headers, 'Content-Length': String(Buffer.byteLength(body)), Connection: 'close' },
      agent,
      lookup,
      signal,
      maxHeaderSize: MAX_HEADER_BYTES,
    });
    sending.once('error', reject);
    // Node ends such a connection without a word.
    sending.once('upgrade', (_answer, socket) => {
      socket.destroy();
      reject(new Error('it wants to speak another protocol'));
    });
    const onClosed = () => reject(new Error('it broke the connection off'));
    sending.once('close', onClosed);
    sending.once('response', (answer) => {
      sending.off('close', onClosed);
      readBeginning(answer)
        .then((text) =>
          resolve({ status: answer.statusCode ?? 0, body: text, retryAfter: answer.headers['retry-after'] }),
        )
        .catch(reject)
        .finally(() => sending.destroy());
    });
    sending.end(body);
  }).finally(() => agent.destroy());
}

/** The status is the answer: a body that breaks off, trickles or never ends changes nothing of it. */
async function readBeginning(answer: IncomingMessage): Promise<string> {
  const chunks: Buffer[] = [];
  let bytes = 0;
  const timer = setTimeout(() => answer.destroy(), MAX_ANSWER_BODY_MS);
  try {
    for await (const chunk of answer as AsyncIterable<Buffer>) {
      chunks.push(chunk);
      bytes += chunk.length;
      if (bytes >= MAX_ANSWER_BYTES) break;
    }
  } catch {
    // What came is what there is.
  } finally {
    clearTimeout(timer);
  }
  // PostgreSQL keeps no NUL.
  return Buffer.concat(chunks).subarray(0, MAX_ANSWER_BYTES).toString('utf8').replaceAll('\0', '\u{FFFD}');
}

function until<T>(signal: AbortSignal, work: Promise<T>): Promise<T> {
  return new Promise((resolve, reject) => {
    const onAbort = () => reject(signal.reason);
    if (signal.aborted) return onAbort();
    signal.addEventListener('abort', onAbort, { once: true });
    work.then(resolve, reject).finally(() => signal.removeEventListener('abort', onAbort));
  });
}

/** Of Node's errors, their code: the message may hold the whole address. */
function wordsOf(error: unknown): string {
  const { code, errors, message } = error as { code?: string; errors?: unknown[]; message?: string };
  const first = errors?.[0];
  if (first !== undefined) return wordsOf(first);
  if (code === undefined) return String(message);
  return WORDS[code] ?? `the connection failed: ${code}`;
}

const WORDS: Record<string, string> = {
  ENOTFOUND: 'its name is not known',
  ENODATA: 'its name has no address',
  EAI_AGAIN: 'its name could not be looked up',
  ESERVFAIL: 'its name could not be looked up',
  ETIMEOUT: 'its name could not be looked up',
  ECONNREFUSED: 'nobody listens there',
  ECONNRESET: 'it broke the connection off',
  EHOSTUNREACH: 'there is no way to it',
  ENETUNREACH: 'there is no way to it',
  ETIMEDOUT: 'there is no way to it',
};
