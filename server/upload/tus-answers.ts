/** Answers that more than one verb of the tus endpoint gives. */
import type { IncomingMessage } from 'node:http';
import type { UploadRecord } from '../database/upload-table.ts';
import { Failure } from '../rules/failure.ts';
import type { Participant } from '../rules/participant.ts';
import { storedRefusal } from '../sharing/reject-upload.ts';

/** A request below the tus path and its answer, so far. `address`: on a creation only. */
export type TusContext = {
  req: IncomingMessage;
  state: { caller: Participant; address: string };
  status: number;
  body: unknown;
  set(name: string, value: string): void;
};

/** How long an answer waits for a finish that may take its time: joining a large file is limited by the disk. */
const MAX_FINISH_WAIT_MS = 10_000;

/** @throws {Failure} for an upload that has ended: its refusal, or `gone` */
export function checkAlive(upload: UploadRecord): void {
  if (upload.state === 'rejected') throw storedRefusal(upload);
  if (upload.state === 'aborted' || upload.endedAt !== null)
    throw new Failure('gone', 'This upload has ended. Start it again.');
  if (upload.state === 'expired') throw new Failure('gone', 'This upload has expired. Start it again.');
  if (upload.state === 'joined') throw new Failure('gone', 'This partial upload ended with its final one.');
}

/** "The value of the Upload-Expires header MUST be in RFC 9110 datetime format." */
export function setExpires(ctx: TusContext, expiresAt: number): void {
  ctx.set('Upload-Expires', new Date(expiresAt).toUTCString());
}

/**
 * The file's id. @throws {Failure} `try-again` when the finish takes long, and goes on: a virus scanner may think for minutes,
 * and a proxy would not wait for it
 */
export async function finishedInTime(finish: Promise<number>): Promise<number> {
  const fileId = await orTooLong(finish);
  if (fileId === null)
    throw new Failure('try-again', 'The file is being checked. Ask again.', { retryAfterSeconds: 2 });
  return fileId;
}

/** The file's id, or null when the finish of a final upload waits for parts, is owed, or takes long. */
export async function finishedSoon(finish: Promise<number>): Promise<number | null> {
  try {
    return await orTooLong(finish);
  } catch (error) {
    if (error instanceof Failure && error.code === 'try-again') return null;
    throw error;
  }
}

async function orTooLong(finish: Promise<number>): Promise<number | null> {
  let timer: NodeJS.Timeout | undefined;
  const tooLong = new Promise<null>((resolve) => {
    timer = setTimeout(resolve, MAX_FINISH_WAIT_MS, null);
  });
  return Promise.race([finish, tooLong]).finally(() => clearTimeout(timer));
}
