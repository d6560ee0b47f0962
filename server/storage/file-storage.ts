/** The port to the bytes: unfinished ones by upload id, shared ones by storage key. */
import type { Readable } from 'node:stream';

/** How a request's body ended. In every case the bytes up to the returned offset are stored: on disk, or in the bucket. */
export type BodyEnd = 'complete' | 'client-left' | 'stopped' | 'idle' | 'too-long';

/** Of an AbortSignal what is used here: there is one for each open body, and not all need to be as large as those. */
export type StopSignal = {
  readonly aborted: boolean;
  addEventListener(type: 'abort', listener: () => void, options?: { once?: boolean }): void;
  removeEventListener(type: 'abort', listener: () => void): void;
};

export type AppendOptions = {
  /** The body may bring this many; one byte more discards the whole body (`too-long`). */
  maxBytes: number;
  /** No byte for this long: `idle`. */
  idleTimeoutMs: number;
  /** Stops the reading; what came is kept: `stopped`. */
  signal: StopSignal;
  /**
   * Where the bytes will be final, if that is known by now: a store that can begin there need not move them. Nobody else
   * gets that place, and it is noted on the upload's row before this answers.
   */
  place?(): Promise<string | null>;
  /** Sees the bytes before they are written; what it throws ends the append. */
  inspect?(chunks: readonly Buffer[], offset: number): Promise<void> | void;
  /**
   * Judges the whole body after its last byte. Until it has returned, none of the body's bytes count, also after a crash;
   * when it throws, or the body does not end `complete`, they are gone and the offset is as before.
   */
  verify?(): Promise<void> | void;
};

export type AppendResult = { offset: number; end: BodyEnd };

/**
 * A shared object, open for reading; what replaces it meanwhile is never read for it. Close it unless `stream` was read to
 * its end or destroyed.
 */
export type StoredObject = {
  sizeBytes: number;
  /** At most `lengthBytes` from `position`; shorter at the end. */
  read(position: number, lengthBytes: number): Promise<Uint8Array>;
  /** Both ends inclusive, as in a Range header. Closes the object when it ends. */
  stream(first: number, last: number): Readable;
  close(): Promise<void>;
};

/** What the store is to say of the object. */
export type LinkedAnswer = { contentType: string; contentDisposition: string; expiresSeconds: number };

/** @throws {Failure} `storage-full` or `storage-unavailable` from every call that fails for lack of space or of the store. */
export type FileStorage = {
  /** An empty place for an upload, there for good when this returns. `sizeBytes` where it is known how long it will be. */
  create(uploadId: string, sizeBytes?: number | null): Promise<void>;
  /** Writes a body at the offset. What is written is stored when this returns or throws. */
  append(uploadId: string, offset: number, body: Readable, options: AppendOptions): Promise<AppendResult>;
  /** Bytes that are stored for an unfinished upload; null if there is no place for it. */
  offsetOf(uploadId: string): Promise<number | null>;
  /** The first bytes of an unfinished upload; `HEAD_BYTES` at most are kept at hand. */
  readIncoming(uploadId: string, lengthBytes: number): Promise<Uint8Array>;
  /**
   * Makes an upload of others, one behind the other in this order; those stay. Its place is there with all bytes or not
   * at all, so that it is safe to repeat. @throws when a part is missing, or the signal stops it
   */
  join(uploadId: string, partIds: readonly string[], signal: AbortSignal): Promise<void>;
  /**
   * Moves a complete upload to its key. Safe to repeat: done is done. @throws when the bytes are in neither place, or the
   * signal stops what takes long
   */
  makeFinal(uploadId: string, key: string, signal?: AbortSignal): Promise<void>;
  /**
   * Writes an object at a key, or replaces what is there: with all bytes, or not at all. `uploadId` names what a crash
   * leaves, so that the sweep finds it. @param makeBody makes the stream anew for each try
   */
  put(uploadId: string, key: string, makeBody: () => Readable, sizeBytes: number): Promise<void>;
  /**
   * A new object at a key that nobody else has, from memory, in one write: stored when this returns. Whoever calls it noted the
   * key before, and removes what a fault or a crash leaves there, which may be some of the bytes. For what is small: a disk
   * may write it without leaving the event loop.
   */
  putWhole(key: string, bytes: readonly Uint8Array[], sizeBytes: number): Promise<void>;
  /** Deletes unfinished bytes; nothing happens if there are none. */
  discard(uploadId: string): Promise<void>;
  /** Ids of all unfinished bytes, to find those that no row knows. */
  incomingIds(): AsyncIterable<string>;
  /** Keys of all stored objects, in no order; what is not a key of ours is left out. */
  storedKeys(): AsyncIterable<string>;
  /** Null if there is no such object. `client`: it is read at the pace of somebody else, who may take hours. */
  open(key: string, by?: 'server' | 'client'): Promise<StoredObject | null>;
  /** Nothing happens if there is no such object. */
  remove(key: string): Promise<void>;
  /** Room for more; Infinity where the store does not say. */
  freeBytes(): Promise<number>;
  /** @throws when the store cannot be written to. */
  check(): Promise<void>;
  /** An address at which the store itself gives the object to whoever has it, for a short time; null where it cannot. */
  linkTo(key: string, answer: LinkedAnswer): Promise<string | null>;
};
