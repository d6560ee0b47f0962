/** Makes a final upload of its partial ones, once they are all here. */
import type { UploadPartTable } from '../database/upload-part-table.ts';
import type { UploadRecord, UploadTable } from '../database/upload-table.ts';
import type { PolicyOf } from '../rules/company-policy.ts';
import { Failure } from '../rules/failure.ts';
import { tooLarge } from '../rules/refusals.ts';
import type { FileStorage } from '../storage/file-storage.ts';
import type { ReserveBytes } from './reserve-bytes.ts';

type Needs = {
  uploads: Pick<UploadTable, 'find'>;
  parts: Pick<UploadPartTable, 'partialIds'>;
  reserveBytes: Pick<ReserveBytes, 'forJoin'>;
  storage: Pick<FileStorage, 'offsetOf' | 'join'>;
  policyOf: PolicyOf;
  /** Aborts when the server shuts down: a large file is joined again at the next start. */
  draining: AbortSignal;
};

export type JoinParts = {
  /** Fixes the length. @throws {WaitingForParts} · {PartGone}, `file-too-large`, or what the allowance refuses, for good */
  prepare(final: UploadRecord): Promise<void>;
  /** Puts the bytes together; safe to repeat. @throws {PartGone} when one was ended meanwhile */
  join(final: UploadRecord): Promise<void>;
};

/** Not all parts are here: nothing is wrong, and the last of them will come back to this. */
export class WaitingForParts extends Failure {
  constructor() {
    super('try-again', 'Not all parts of this upload are here yet.', { retryAfterSeconds: 2 });
  }
}

/** A part was ended by its client, or has expired: this upload will never be whole. */
export class PartGone extends Failure {
  constructor() {
    super('gone', 'A part of this upload has ended. Start it again.');
  }
}

export function createJoinParts(needs: Needs): JoinParts {
  const { parts, reserveBytes, storage, policyOf, draining } = needs;
  return {
    async prepare(final) {
      const ids = await parts.partialIds(final.id);
      const sizes = new Map<string, number | null>();
      for (const part of await openParts(needs, ids)) {
        const isHere = part.sizeBytes !== null && (await storage.offsetOf(part.id)) === part.sizeBytes;
        sizes.set(part.id, isHere ? part.sizeBytes : null);
      }
      const total = ids.reduce<number | null>((sum, id) => plus(sum, sizes.get(id) ?? null), 0);
      if (total === null) throw new WaitingForParts();
      const { maxFileSizeBytes } = await policyOf(final.company);
      if (total > maxFileSizeBytes) throw tooLarge(final.name, maxFileSizeBytes);
      await reserveBytes.forJoin(final, total);
    },
    async join(final) {
      const ids = await parts.partialIds(final.id);
      await openParts(needs, ids);
      await storage.join(final.id, ids, draining);
    },
  };
}

async function openParts({ uploads }: Needs, ids: readonly string[]): Promise<UploadRecord[]> {
  const found = await Promise.all([...new Set(ids)].map((id) => uploads.find(id)));
  const open = found.filter((part) => part?.state === 'open') as UploadRecord[];
  if (ids.length === 0 || open.length < found.length) throw new PartGone();
  return open;
}

function plus(sum: number | null, more: number | null): number | null {
  return sum === null || more === null ? null : sum + more;
}
