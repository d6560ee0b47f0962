import type { CreationLimits } from '../http/rate-limit.ts';
import type { Participant } from '../rules/participant.ts';
import { createAcceptFinal } from '../sharing/accept-final.ts';
import { createAcceptPartial } from '../sharing/accept-partial.ts';
import {
  type AnnouncedUpload,
  type AnnounceUpload,
  createAcceptUpload,
  createAnnounceUpload,
  createReserveUpload,
} from '../sharing/accept-upload.ts';
import { createKnownRoom } from '../sharing/check-room.ts';
import { createCheckScanner } from '../sharing/check-scanner.ts';
import { createRefuseKnownBad } from '../sharing/refuse-known-bad.ts';
import { isRefusal, type RejectUpload } from '../sharing/reject-upload.ts';
import type { ReserveBytes } from '../sharing/reserve-bytes.ts';
import type { FileStorage } from '../storage/file-storage.ts';
import { HOLDER } from './holder.ts';
import { countAccepted } from './metrics.ts';
import { now, type Parts } from './parts.ts';

type Needs = {
  storage: FileStorage;
  reserveBytes: ReserveBytes;
  creationLimits: Pick<CreationLimits, 'countCreation' | 'countPartial'>;
  rejectUpload: RejectUpload;
};

/** May an upload begin? Of one file, of a part, and of what is put together of parts; and both kinds of counters around them. */
export function composeAccepting(given: Parts, { storage, reserveBytes, creationLimits, rejectUpload }: Needs) {
  const { config, database, runner, uploads, parts, policies, infections, scanning, refusals, metrics } = given;
  const accepting = {
    database,
    runner,
    uploads,
    parts,
    storage: { freeBytes: createKnownRoom(storage, now) },
    policyOf: policies.of,
    reserveBytes,
    expirySeconds: config.uploadExpirySeconds,
    ...creationLimits,
    checkScanner: createCheckScanner(scanning !== null),
    refuseKnownBad: createRefuseKnownBad({ infections }),
    holder: HOLDER,
    now,
  };
  const announceUpload = countAccepted(
    countingRefusals(createAnnounceUpload(accepting), refusals.note),
    (..._request: Parameters<AnnounceUpload>) => null,
    metrics.uploads,
  );
  const reserve = createReserveUpload(accepting);
  const reserveUpload = countAccepted(
    (announced: AnnouncedUpload) =>
      reserve(announced).catch((error: unknown) => {
        refusals.note(announced.upload.company, error);
        throw error;
      }),
    ({ upload }) => (upload.oneRequest ? 'one_request' : 'tus'),
    metrics.uploads,
  );
  // A refusal of the file itself is on its row by then, and counted with that.
  const acceptFinal = countingRefusals(createAcceptFinal({ ...accepting, rejectUpload }), (company, error) => {
    if (!isRefusal(error)) refusals.note(company, error);
  });
  return {
    announceUpload,
    reserveUpload,
    acceptUpload: createAcceptUpload(announceUpload, reserveUpload),
    acceptPartial: createAcceptPartial(accepting),
    acceptFinal: countAccepted(acceptFinal, () => 'parallel', metrics.uploads),
  };
}

/** The same use case, and what it refuses is counted. */
function countingRefusals<A extends [Participant, ...unknown[]], T>(
  accept: (...args: A) => Promise<T>,
  note: (company: string, error: unknown) => void,
): (...args: A) => Promise<T> {
  return (...args) =>
    accept(...args).catch((error: unknown) => {
      note(args[0].company, error);
      throw error;
    });
}
