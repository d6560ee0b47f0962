/** Stands around every request of one try at an upload: token, file, stall deadline, and what each answer means. Ours, not the stack's. */
import type { HttpRequest, HttpResponse } from 'tus-js-client';
import { type Answer, NO_TOKEN, readAnswer } from './answer.ts';
import type { Api } from './api.ts';
import type { TokenSource } from './token.ts';
import { judge, type Verdict } from './verdict.ts';

export type AttemptGuard = {
  onBeforeRequest(request: HttpRequest): Promise<void>;
  onAfterResponse(request: HttpRequest, response: HttpResponse): Promise<void>;
  /** After the attempt failed: why, and what follows. */
  verdict(): Verdict;
  /** After it succeeded: the shared file's id, if the server said it. */
  fileId(): number | null;
};

/**
 * Sets the token, keeps a detached attempt off the wire, sees that the file can still be read, and stops tus-js-client
 * from throwing an upload away because one HEAD failed.
 */
export function createAttemptGuard(needs: {
  token: TokenSource;
  api: Pick<Api, 'refusalOf'>;
  file: Blob;
  /** False as soon as the attempt was paused, cancelled or replaced. */
  isCurrent: () => boolean;
  /** A request goes out now. */
  onRequest: (method: string) => void;
}): AttemptGuard {
  let lastAnswer: Answer | null = null;
  let tokenUsed: string | null = null;
  let ending: Verdict | null = null;
  let fileId: number | null = null;

  async function startOverOrThrow(uploadUrl: string): Promise<void> {
    // A refusal that got lost on the way must not send the same file again: ask for it first.
    const refusal = await needs.api.refusalOf(uploadUrl).catch(() => null);
    ending = refusal ? judge(refusal) : { outcome: 'start-over' };
    // tus-js-client would start over by itself, and not look for another upload of this file.
    throw new Error('this upload has ended');
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
      const method = request.getMethod();
      if (method !== 'HEAD' && !(await canRead(needs.file))) {
        ending = { outcome: 'choose-again' };
        throw new Error('the file can no longer be read');
      }
      try {
        tokenUsed = await needs.token.get();
      } catch (error) {
        lastAnswer = NO_TOKEN;
        throw error;
      }
      // tus-js-client's abort() does not stop a request that still waits in here.
      if (!needs.isCurrent()) throw new Error('this attempt has been replaced');
      if (tokenUsed !== null) request.setHeader('Authorization', `Bearer ${tokenUsed}`);
      needs.onRequest(method);
    },
    async onAfterResponse(request, response) {
      const status = response.getStatus();
      if (status < 400) {
        needs.token.accepted(tokenUsed);
        fileId = integer(response.getHeader('Chat-File-Id'));
        return refuseStandstill(request, response);
      }
      lastAnswer = readAnswer(status, response.getHeader('Retry-After') ?? null, response.getBody());
      // HEAD has no body: what was wrong with the token is not said.
      if (status === 401) needs.token.refused(tokenUsed, lastAnswer.code ?? 'token-expired');
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
    verdict: () => ending ?? judge(lastAnswer),
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
