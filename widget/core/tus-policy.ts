/** What to do after each tus answer: wait, renew the token, ask for the file again, or give up. Ours, not the stack's. */
import type { HttpRequest, HttpResponse } from 'tus-js-client';
import type { Answer } from './answer.ts';
import { readAnswer } from './answer.ts';
import type { Api } from './api.ts';
import type { TokenSource } from './token.ts';

/** Why an upload stands still and goes on by itself. */
export type WaitReason = 'network' | 'server' | 'rate-limit' | 'busy' | 'token';

export type Verdict =
  | { outcome: 'wait'; reason: WaitReason; delayMs: number | null; detail: string | null }
  | { outcome: 'fail'; code: string | null; detail: string | null; canRetry: boolean }
  /** The file on this device changed or is gone: only the person can help. */
  | { outcome: 'choose-again' };

/**
 * Turns the answer that ended an attempt into a verdict; null means that no answer came.
 * `delayMs: null` leaves the delay to the caller's own steps.
 */
function judge(answer: Answer | null): Verdict {
  if (answer === null) return { outcome: 'wait', reason: 'network', delayMs: null, detail: null };
  const { status, code, detail, retryAfterMs } = answer;
  const wait = (reason: WaitReason, delayMs = retryAfterMs): Verdict => ({ outcome: 'wait', reason, delayMs, detail });
  switch (status) {
    case 401:
      return wait('token', 0);
    // Only HEAD and PATCH reach this: the next HEAD finds out whether to start over (`createAttemptGuard`).
    case 410:
      return wait('busy', 0);
    case 409:
    case 460:
      return wait('busy', retryAfterMs ?? 300);
    case 423:
      return wait('busy');
    case 429:
      return wait('rate-limit', retryAfterMs ?? 10_000);
    case 408:
    case 425:
      return wait('network');
    case 507:
      return { outcome: 'fail', code, detail, canRetry: true };
  }
  if (status >= 500) return wait('server');
  // The file itself was refused: the same bytes would be refused again.
  const canRetry = ![413, 415, 422].includes(status);
  return { outcome: 'fail', code, detail, canRetry };
}

const RETRY_DELAYS_MS = [500, 1000, 2000, 5000, 10_000, 20_000, 40_000, 60_000];
const MAX_FAILURES: Partial<Record<WaitReason, number>> = { server: 20, token: 3 };
/** As long as the server keeps an unfinished upload. */
const GIVE_UP_AFTER_MS = 24 * 60 * 60_000;

/** How long to wait after the `count`th failure in a row; spread, so that many pages do not come back at once. */
export function retryDelayMs(count: number): number {
  const delayMs = RETRY_DELAYS_MS[Math.min(count, RETRY_DELAYS_MS.length) - 1] as number;
  return delayMs * (0.85 + Math.random() * 0.3);
}

/** Whether to stop trying: a network may come back all day long, a server that fails twenty times will not. */
export function isHopeless(reason: WaitReason, failureCount: number, sinceAcceptedMs: number): boolean {
  return sinceAcceptedMs > GIVE_UP_AFTER_MS || failureCount > (MAX_FAILURES[reason] ?? Number.POSITIVE_INFINITY);
}

export type AttemptGuard = {
  onBeforeRequest(request: HttpRequest): Promise<void>;
  onAfterResponse(request: HttpRequest, response: HttpResponse): Promise<void>;
  /** After the attempt failed: why, and what follows. */
  verdict(): Verdict;
  /** After it succeeded: the shared file's id, if the server said it. */
  fileId(): number | null;
};

/** How often one upload may be created anew because the server no longer knows it. */
const MAX_START_OVERS = 3;

/**
 * Stands around every request of one attempt. It sets the token, keeps a detached attempt off the wire, sees that the
 * file can still be read, and stops tus-js-client from throwing an upload away because one HEAD failed.
 */
export function createAttemptGuard(needs: {
  token: TokenSource;
  api: Pick<Api, 'refusalOf'>;
  file: Blob;
  /** False as soon as the attempt was paused, cancelled or replaced. */
  isCurrent: () => boolean;
  /** Counts the start over that is about to happen, and answers how many there were. */
  countStartOver: () => number;
}): AttemptGuard {
  let lastAnswer: Answer | null = null;
  let tokenUsed = '';
  let unreadable = false;
  let fileId: number | null = null;

  async function startOverOrThrow(uploadUrl: string): Promise<void> {
    // A refusal that got lost on the way must not send the same file again: ask for it first.
    const refusal = await needs.api.refusalOf(uploadUrl).catch(() => null);
    lastAnswer = refusal ?? lastAnswer;
    if (refusal) throw new Error('this upload was refused');
    if (needs.countStartOver() <= MAX_START_OVERS) return;
    lastAnswer = { status: 404, code: 'not-found', detail: null, retryAfterMs: null };
    throw new Error('the server keeps forgetting this upload');
  }

  /** A server that takes a chunk and stays where it was would be sent the same chunk for ever. */
  function refuseStandstill(request: HttpRequest, response: HttpResponse): void {
    if (request.getMethod() !== 'PATCH') return;
    if (integer(response.getHeader('Upload-Offset')) !== integer(request.getHeader('Upload-Offset'))) return;
    lastAnswer = { status: 500, code: null, detail: null, retryAfterMs: null };
    throw new Error('the server took no bytes');
  }

  return {
    async onBeforeRequest(request) {
      lastAnswer = null;
      if (request.getMethod() === 'PATCH' && !(await canRead(needs.file))) {
        unreadable = true;
        throw new Error('the file can no longer be read');
      }
      tokenUsed = await needs.token.get();
      // tus-js-client's abort() does not stop a request that still waits in here.
      if (!needs.isCurrent()) throw new Error('this attempt has been replaced');
      request.setHeader('Authorization', `Bearer ${tokenUsed}`);
    },
    async onAfterResponse(request, response) {
      const status = response.getStatus();
      if (status < 400) {
        fileId = integer(response.getHeader('Chat-File-Id'));
        return refuseStandstill(request, response);
      }
      lastAnswer = readAnswer(status, response.getHeader('Retry-After') ?? null, response.getBody());
      if (status === 401) needs.token.invalidate(tokenUsed);
      if (request.getMethod() !== 'HEAD') {
        // An upload that vanished under a PATCH: HEAD decides in the next attempt.
        if (request.getMethod() === 'PATCH' && status === 404) lastAnswer.status = 410;
        return;
      }
      if (status === 404 || status === 410) return startOverOrThrow(request.getURL());
      // Thrown, it is an error that we retry. Returned, tus-js-client would start over from byte 0.
      throw new Error(`HEAD was answered with ${status}`);
    },
    fileId: () => fileId,
    verdict: () => (unreadable ? { outcome: 'choose-again' } : judge(lastAnswer)),
  };
}

function integer(header: string | null | undefined): number | null {
  const value = Number.parseInt(header ?? '', 10);
  return Number.isSafeInteger(value) ? value : null;
}

/** A file that changed or vanished fails inside XMLHttpRequest exactly like a lost network: one byte tells them apart. */
async function canRead(file: Blob): Promise<boolean> {
  try {
    await file.slice(0, 1).arrayBuffer();
    return true;
  } catch {
    return false;
  }
}
