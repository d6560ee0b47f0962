/** Looks whether the scanner is there, says when that changes, and learns how large a file it takes. */
import { setTimeout as sleep } from 'node:timers/promises';
import type { Clamd } from './clamd.ts';

type Needs = {
  clamd: Pick<Clamd, 'ping' | 'version' | 'maxBytes'>;
  /** What this server takes. */
  maxFileSizeBytes: number;
  onAway(error: unknown): void;
  onThere(version: string): void;
  /** It takes less than this server does. */
  onSmallLimit(takenBytes: number): void;
};

/** Who asks whether this node is ready wants no long answer. */
const MAX_LOOK_MS = 500;

/** Never throws. */
export type ScannerWatch = {
  /** Looks, however long it takes; those who ask meanwhile share the answer. */
  look(): Promise<boolean>;
  /** The same, for who cannot wait: what is slow counts as away. */
  isThere(): Promise<boolean>;
};

export function createScannerWatch(needs: Needs): ScannerWatch {
  const { clamd, maxFileSizeBytes } = needs;
  let wasThere: boolean | null = null;
  let looking: Promise<boolean> | null = null;
  /** Each time that it comes: it may have other settings now. */
  const learn = async () => {
    needs.onThere(await clamd.version());
    const takenBytes = await clamd.maxBytes(maxFileSizeBytes);
    if (takenBytes < maxFileSizeBytes) needs.onSmallLimit(takenBytes);
  };
  const ask = async () => {
    try {
      await clamd.ping();
      // Gone again so soon: the next look says so.
      if (wasThere !== true) void learn().catch(() => {});
      wasThere = true;
    } catch (error) {
      if (wasThere !== false) needs.onAway(error);
      wasThere = false;
    }
    return wasThere;
  };
  const look = () => {
    looking ??= ask().finally(() => {
      looking = null;
    });
    return looking;
  };
  return {
    look,
    async isThere() {
      const enough = new AbortController();
      const tooLong = sleep(MAX_LOOK_MS, false, { signal: enough.signal }).catch(() => false);
      return await Promise.race([look(), tooLong]).finally(() => enough.abort());
    },
  };
}
