/** clamd over TCP or a unix socket: `zINSTREAM`, `zPING`, `zVERSION`, and how much it takes. */
import type { ClamdAddress } from '../rules/clamd-address.ts';
import { Failure } from '../rules/failure.ts';
import { saysTooLarge, verdictOf } from './clamd-answer.ts';
import { type Conversation, openConversation } from './clamd-conversation.ts';
import type { Scanner, ScanSubject, Verdict } from './scanner.ts';

/** clamd takes nothing for this long: all its threads are busy, or it hangs. Its own `ReadTimeout` is two minutes. */
const SEND_IDLE_MS = 60_000;
/** After the last byte it works in silence, for `MaxScanTime` at most: two minutes, if nothing else is set. */
const VERDICT_IDLE_MS = 180_000;
/** It answers these at once, or is of no use. */
const SHORT_ANSWER_MS = 3_000;
const RETRY_AFTER_SECONDS = 5;
/** "INSTREAM … the size of the following data in bytes expressed as a 4 byte unsigned integer in network byte order". */
const LENGTH_BYTES = 4;
const MAX_LENGTH = 0xffff_ffff;
const MIB = 1024 * 1024;

export type Clamd = Scanner & {
  /** Its version and that of its signatures. @throws when it does not answer */
  version(): Promise<string>;
  /** @throws when it does not answer `PONG` */
  ping(): Promise<void>;
  /** The bytes that it takes of one file (`StreamMaxLength`), as far as `wantedBytes`; down to a whole MiB. */
  maxBytes(wantedBytes: number): Promise<number>;
};

export function createClamd(address: ClamdAddress): Clamd {
  const ask = (command: string) => askShortly(address, command);
  return {
    async scan(subject, signal) {
      try {
        return await scan(address, subject, signal);
      } catch (error) {
        if (error instanceof SourceFault) throw error.cause;
        throw scannerAway(error);
      }
    },
    version: () => ask('VERSION'),
    async ping() {
      const answer = await ask('PING');
      if (answer !== 'PONG') throw new Error(`clamd answers PING with “${answer}”`);
    },
    async maxBytes(wantedBytes) {
      const wanted = Math.min(wantedBytes, MAX_LENGTH);
      if (await takes(address, wanted)) return wantedBytes;
      let [taken, refused] = [0, Math.ceil(wanted / MIB)];
      while (refused - taken > 1) {
        const middle = Math.floor((taken + refused) / 2);
        if (await takes(address, middle * MIB)) taken = middle;
        else refused = middle;
      }
      return taken * MIB;
    },
  };
}

function scannerAway(cause: unknown): Failure {
  return new Failure('scanner-unavailable', undefined, { retryAfterSeconds: RETRY_AFTER_SECONDS, cause });
}

/** What is to be scanned cannot be read: no fault of clamd's. */
class SourceFault extends Error {}

async function scan(address: ClamdAddress, subject: ScanSubject, signal: AbortSignal): Promise<Verdict> {
  const conversation = await openConversation(address, signal);
  try {
    conversation.patience(SEND_IDLE_MS);
    const whole = await send(conversation, subject);
    conversation.patience(VERDICT_IDLE_MS);
    const answer = await conversation.answer;
    const verdict = verdictOf(answer);
    if (verdict === null) throw new Error(answer === '' ? 'clamd hung up' : `clamd says “${answer}”`);
    if (verdict.is === 'clean' && !whole) throw new Error('clamd calls a file clean that it has not seen whole');
    return verdict;
  } catch (error) {
    if (error instanceof SourceFault || signal.aborted) throw error;
    // It hangs up on what is too large, and its answer may get lost in that.
    if (!(await takes(address, subject.sizeBytes))) return { is: 'unscannable', why: 'too-large' };
    throw error;
  } finally {
    conversation.close();
  }
}

/** @returns whether all was sent: clamd may have answered before that */
async function send(conversation: Conversation, subject: ScanSubject): Promise<boolean> {
  await conversation.write(Buffer.from('zINSTREAM\0'));
  let sentBytes = 0;
  for await (const bytes of readable(subject)) {
    if (conversation.isOver()) return false;
    if (bytes.length === 0) continue;
    await conversation.write(lengthOf(bytes.length));
    await conversation.write(bytes);
    sentBytes += bytes.length;
  }
  if (sentBytes !== subject.sizeBytes)
    throw new SourceFault('', { cause: new Error(`${sentBytes} bytes came to be scanned, not ${subject.sizeBytes}`) });
  // "Streaming is terminated by sending a zero-length chunk."
  await conversation.write(lengthOf(0));
  return true;
}

async function* readable({ open }: ScanSubject): AsyncGenerator<Uint8Array> {
  try {
    yield* await open();
  } catch (cause) {
    throw new SourceFault('', { cause });
  }
}

function lengthOf(bytes: number): Buffer {
  const length = Buffer.alloc(LENGTH_BYTES);
  length.writeUInt32BE(bytes);
  return length;
}

async function askShortly(address: ClamdAddress, command: string): Promise<string> {
  const conversation = await openConversation(address, AbortSignal.timeout(SHORT_ANSWER_MS));
  try {
    await conversation.write(Buffer.from(`z${command}\0`));
    return await conversation.answer;
  } finally {
    conversation.close();
  }
}

/**
 * Whether clamd would take a file of this length: it judges the length before the data, and hangs up on who ends then.
 * @throws when it does not answer
 */
async function takes(address: ClamdAddress, sizeBytes: number): Promise<boolean> {
  const conversation = await openConversation(address, AbortSignal.timeout(SHORT_ANSWER_MS));
  try {
    await conversation.write(Buffer.concat([Buffer.from('zINSTREAM\0'), lengthOf(Math.min(sizeBytes, MAX_LENGTH))]));
    conversation.end();
    return !saysTooLarge(await conversation.answer);
  } finally {
    conversation.close();
  }
}
