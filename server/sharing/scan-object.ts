/** Has a stored object scanned, and takes its sha256 in the same pass. What is known to be bad is not scanned again. */
import { createHash } from 'node:crypto';
import type { InfectionTable } from '../database/infection-table.ts';
import type { Scanner, UnscannableReason } from '../scan/scanner.ts';
import type { FileStorage } from '../storage/file-storage.ts';

type Needs = {
  storage: Pick<FileStorage, 'open'>;
  infections: Pick<InfectionTable, 'findBad' | 'knowsBadOfSize'>;
  scanner: Scanner;
};

export type ScanResult =
  | { is: 'clean'; sha256: string }
  | { is: 'infected'; sha256: string; signature: string }
  | { is: 'unscannable'; why: UnscannableReason };

/** @throws {Failure} `scanner-unavailable`, or what the storage throws */
export type ScanObject = (key: string, sizeBytes: number, signal: AbortSignal) => Promise<ScanResult>;

export function createScanObject({ storage, infections, scanner }: Needs): ScanObject {
  /** The whole object, seen by a hash on its way. */
  async function* readHashed(key: string, sizeBytes: number, hash: { update(bytes: Uint8Array): unknown }) {
    const object = await storage.open(key);
    if (object === null) throw new Error(`the bytes of ${key} are missing`);
    try {
      if (object.sizeBytes !== sizeBytes)
        throw new Error(`${key} has ${object.sizeBytes} bytes instead of ${sizeBytes}`);
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
  const sha256Of = async (key: string, sizeBytes: number) => {
    const hash = createHash('sha256');
    for await (const _ of readHashed(key, sizeBytes, hash));
    return hash.digest('hex');
  };

  return async (key, sizeBytes, signal) => {
    // Reading twice costs less than a scan, and hardly a file is of such a size.
    if (await infections.knowsBadOfSize(sizeBytes)) {
      const sha256 = await sha256Of(key, sizeBytes);
      const bad = await infections.findBad(sha256);
      if (bad !== null) return { is: 'infected', sha256, signature: bad.signature };
    }
    const hash = createHash('sha256');
    const verdict = await scanner.scan({ sizeBytes, open: async () => readHashed(key, sizeBytes, hash) }, signal);
    if (verdict.is === 'unscannable') return verdict;
    // A scanner may have seen enough before the end; what is clean it has seen whole.
    const sha256 = verdict.is === 'clean' ? hash.digest('hex') : await sha256Of(key, sizeBytes);
    return { ...verdict, sha256 };
  };
}
