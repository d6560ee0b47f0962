/** Has a stored object scanned, and takes its sha256 in the same pass. What is known to be bad is not scanned again. */
import { createHash, type Hash } from 'node:crypto';
import type { InfectionTable } from '../database/infection-table.ts';
import type { Scanner, UnscannableReason } from '../scan/scanner.ts';
import type { FileStorage } from '../storage/file-storage.ts';

type Storage = Pick<FileStorage, 'open'>;
type KnownNeeds = { storage: Storage; infections: Pick<InfectionTable, 'findBad' | 'knowsBadOfSize'> };
type Needs = { storage: Storage; findKnownBad: FindKnownBad; scanner: Scanner };

export type Infected = { is: 'infected'; sha256: string; signature: string };
export type ScanResult = { is: 'clean'; sha256: string } | Infected | { is: 'unscannable'; why: UnscannableReason };

/** @throws {Failure} `scanner-unavailable`, or what the storage throws */
export type ScanObject = (key: string, sizeBytes: number, signal: AbortSignal) => Promise<ScanResult>;

/** Null: nothing is known against these bytes. */
export type FindKnownBad = (key: string, sizeBytes: number) => Promise<Infected | null>;

export function createFindKnownBad({ storage, infections }: KnownNeeds): FindKnownBad {
  return async (key, sizeBytes) => {
    // Reading twice costs less than a scan, and hardly a file is of such a size.
    if (!(await infections.knowsBadOfSize(sizeBytes))) return null;
    const sha256 = await sha256Of(storage, key, sizeBytes);
    const bad = await infections.findBad(sha256);
    return bad === null ? null : { is: 'infected', sha256, signature: bad.signature };
  };
}

export function createScanObject({ storage, findKnownBad, scanner }: Needs): ScanObject {
  return async (key, sizeBytes, signal) => {
    const bad = await findKnownBad(key, sizeBytes);
    if (bad !== null) return bad;
    const hash = createHash('sha256');
    const open = async () => readHashed(storage, key, sizeBytes, hash);
    const verdict = await scanner.scan({ sizeBytes, open }, signal);
    if (verdict.is === 'unscannable') return verdict;
    // A scanner may have seen enough before the end; what is clean it has seen whole.
    const sha256 = verdict.is === 'clean' ? hash.digest('hex') : await sha256Of(storage, key, sizeBytes);
    return { ...verdict, sha256 };
  };
}

/** The whole object, seen by a hash on its way. */
async function* readHashed(storage: Storage, key: string, sizeBytes: number, hash: Hash): AsyncGenerator<Uint8Array> {
  const object = await storage.open(key);
  if (object === null) throw new Error(`the bytes of ${key} are missing`);
  try {
    if (object.sizeBytes !== sizeBytes) throw new Error(`${key} has ${object.sizeBytes} bytes instead of ${sizeBytes}`);
    if (sizeBytes === 0) return;
    // Not in steps: in a bucket each would be a request.
    for await (const bytes of object.stream(0, sizeBytes - 1)) {
      hash.update(bytes);
      yield bytes as Uint8Array;
    }
  } finally {
    await object.close().catch(() => {});
  }
}

async function sha256Of(storage: Storage, key: string, sizeBytes: number): Promise<string> {
  const hash = createHash('sha256');
  for await (const _ of readHashed(storage, key, sizeBytes, hash));
  return hash.digest('hex');
}
