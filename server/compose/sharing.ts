import path from 'node:path';
import type { UploadProgress } from '../contract/events.ts';
import type { FileRecord } from '../database/chat-file-table.ts';
import { createCreationLimits } from '../http/rate-limit.ts';
import { NO_BUS } from '../nodes/node-bus.ts';
import { createPreviewMaker } from '../pictures/preview-maker.ts';
import { findPreviewPrograms } from '../pictures/preview-programs.ts';
import { createScratch } from '../pictures/scratch-folder.ts';
import { previewKindOf } from '../rules/preview-types.ts';
import { createAbortUpload } from '../sharing/abort-upload.ts';
import { createArchiveFiles } from '../sharing/archive-files.ts';
import { createCheckFirstBytes } from '../sharing/check-first-bytes.ts';
import { createChoosePlace } from '../sharing/choose-place.ts';
import { createDeleteRemovedBytes } from '../sharing/delete-removed-bytes.ts';
import { createDiscardBytes } from '../sharing/discard-bytes.ts';
import type { Exclusively } from '../sharing/exclusively.ts';
import { createFinishPartial } from '../sharing/finish-partial.ts';
import { createFinishUpload, LEASE_MS } from '../sharing/finish-upload.ts';
import { createForgetInfection } from '../sharing/forget-infection.ts';
import { createGiveUpFinish } from '../sharing/give-up-finish.ts';
import { createImportFile } from '../sharing/import-file.ts';
import { createImportFiles } from '../sharing/import-files.ts';
import { createJoinParts } from '../sharing/join-parts.ts';
import { createListFiles } from '../sharing/list-files.ts';
import { createMakePreviews } from '../sharing/make-previews.ts';
import { createMakeSmaller } from '../sharing/make-smaller.ts';
import { createManageCompanies } from '../sharing/manage-companies.ts';
import { createNoteInfected, type NoteInfected } from '../sharing/note-infected.ts';
import { createNoteResume } from '../sharing/note-resume.ts';
import { createRecordFile, createRecordSteps } from '../sharing/record-file.ts';
import { createRecordImport } from '../sharing/record-import.ts';
import { createRejectUpload } from '../sharing/reject-upload.ts';
import { createRescanFiles } from '../sharing/rescan-files.ts';
import { createReserveBytes } from '../sharing/reserve-bytes.ts';
import { createRevokeLinks } from '../sharing/revoke-links.ts';
import { createFindKnownBad, createScanObject, type FindKnownBad, type ScanObject } from '../sharing/scan-object.ts';
import { createScanUpload } from '../sharing/scan-upload.ts';
import { createSettleUpload } from '../sharing/settle-upload.ts';
import { createShareSmall } from '../sharing/share-small.ts';
import { createStripMetadata } from '../sharing/strip-metadata.ts';
import { createReportProgress, type ReportProgress } from '../sharing/upload-progress.ts';
import type { FileStorage } from '../storage/file-storage.ts';
import { withLock } from '../upload/locker.ts';
import { composeAccepting } from './accepting.ts';
import { composeDeleting } from './deleting.ts';
import { HOLDER } from './holder.ts';
import { countEnded, countFinished, countLimits, countRejected, countSmall } from './metrics.ts';
import { now, type Parts } from './parts.ts';
import { composeWebhooks } from './webhooks.ts';

export type Sharing = ReturnType<typeof composeSharing>;

/** The use cases. */
export function composeSharing(given: Parts) {
  const {
    config,
    log,
    database,
    runner,
    uploads,
    parts,
    usage,
    days,
    files,
    people,
    ledger,
    audit,
    removedObjects,
    infections,
    scanning,
    previewJobs,
    storage: store,
    feed,
    policies,
    policyTable,
    presentFile,
    nodes,
    draining,
    metrics,
    watch,
    liveOffsets,
  } = given;
  const policyOf = policies.of;
  const webhooks = composeWebhooks(given);
  const wake = (company: string, shared?: FileRecord) => {
    feed.wake(company, shared);
    webhooks.deliver.wake();
    nodes.bus.tell({ type: 'wake', company });
  };
  const discardBytes = createDiscardBytes({ uploads, storage: store, now });
  // The use cases end an upload first and then delete its bytes: a fault of the second is a job, not theirs.
  const storage: FileStorage = { ...store, discard: discardBytes.discard };
  const publish = (event: UploadProgress, exceptParticipant: string) => {
    feed.publish(event, exceptParticipant);
    nodes.bus.tell({ type: 'progress', event, exceptParticipant });
  };
  // Of who is on another node nobody knows here.
  const isHeard = (company: string, session: string) => nodes.bus !== NO_BUS || feed.isFollowed(company, session);
  const tellOthers = createReportProgress({ publish, isHeard, now });
  const report: ReportProgress = (...progress) => {
    liveOffsets.note(...progress);
    tellOthers(...progress);
  };
  const rejectable = countRejected(uploads, metrics.uploads);
  const rejectUpload = createRejectUpload({
    database,
    uploads: rejectable,
    parts,
    removedObjects,
    storage,
    report,
    now,
  });
  const pictures = createPreviewMaker({
    programs: findPreviewPrograms(config.programFolders),
    scratch: createScratch(path.join(config.dataDir, 'scratch')),
  });
  const previewKinds = config.thumbnails ? pictures.kinds : [];
  const wantsPreview = (mimeType: string) => {
    const kind = previewKindOf(mimeType);
    return kind !== null && previewKinds.includes(kind);
  };
  const recording = { runner, uploads, parts, files, people, ledger, audit, previewJobs, wantsPreview, now };
  const recordFile = createRecordFile(recording);
  const previews = createMakePreviews({
    ...{ database, previewJobs, files, ledger, removedObjects, storage, wake, now },
    pictures: { ...pictures, make: (...what) => watch('preview', 'make', () => pictures.make(...what)) },
    onUnavailable: once((reason: string) =>
      log.warn({ reason }, 'pictures get no thumbnails: their decoder is not here'),
    ),
    onEnded: (file, reason) => log.info({ file, reason }, 'a file gets no thumbnail'),
    onFault: (err) => log.warn({ err }, 'a preview could not be made yet'),
    holder: HOLDER,
    draining: draining.signal,
  });
  const reserveBytes = createReserveBytes({
    database,
    uploads,
    parts,
    files,
    usage,
    days,
    policyOf,
  });
  const { uploadsPerMinute } = config;
  const creationLimits = countLimits(
    createCreationLimits({ policyOf, uploadsPerMinute, createLimiter: nodes.createLimiter }),
    metrics.http,
  );
  const locker = nodes.locker;
  const exclusively: Exclusively = (uploadId, work) => withLock(locker, uploadId, work);
  const deleteRemovedBytes = createDeleteRemovedBytes({ removedObjects, storage, now });
  const { uploadExpirySeconds: expirySeconds } = config;
  const noteInfected = createNoteInfected({ database, infections, audit });
  const findKnownBad = createFindKnownBad({ storage, infections });
  const scanObject = scanning === null ? null : createScanObject({ storage, findKnownBad, scanner: scanning.scanner });
  const scanUpload = createScanUpload({
    isRequired: async (company) => (await policyOf(company)).scanRequired,
    scanObject,
    findKnownBad,
    uploads,
    noteInfected,
    report,
    stopping: scanning?.stopping ?? draining.signal,
    leaseMs: LEASE_MS,
    now,
  });
  const accepting = composeAccepting(given, { storage, reserveBytes, creationLimits, rejectUpload });
  const joinParts = createJoinParts({
    uploads,
    parts,
    reserveBytes,
    storage,
    policyOf,
    draining: draining.signal,
  });
  const wakeAll = (company: string, shared?: FileRecord) => {
    void watch('upload', 'event', async () => wake(company, shared));
    previews.wake();
  };
  const reportFinished = countFinished(report, expirySeconds, metrics.uploads);
  const shareSmall = createShareSmall({
    watch,
    database,
    runner,
    uploads: rejectable,
    removedObjects,
    storage: store,
    policyOf,
    reserveBytes,
    recordSteps: createRecordSteps(recording),
    rejectUpload,
    report: reportFinished,
    wake: wakeAll,
    expirySeconds,
    now,
  });
  const finishing = createFinishUpload({
    watch,
    uploads,
    storage,
    policyOf,
    joinParts,
    scanUpload,
    stripMetadata: createStripMetadata({
      uploads,
      storage,
      policyOf,
      makeSmaller: createMakeSmaller({
        storage,
        pictures,
        onFault: (upload, err) =>
          log.warn({ upload, err }, 'a picture is stored as it came: it could not be made smaller'),
        draining: draining.signal,
      }),
    }),
    recordFile: (...what) => watch('upload', 'record', () => recordFile(...what)),
    rejectUpload,
    report: reportFinished,
    wake: wakeAll,
    holder: HOLDER,
    draining: draining.signal,
    now,
  });
  const finishUpload: typeof finishing = Object.assign(
    (uploadId: string) => watch('upload', 'finish', () => finishing(uploadId)),
    { settled: finishing.settled },
  );
  const deleting = composeDeleting(given, { store, exclusively, deleteRemovedBytes, wake });
  const { removeFile } = deleting;
  return {
    locker,
    exclusively,
    report,
    rejectUpload,
    reserveBytes,
    creationLimits,
    deleteRemovedBytes,
    discardBytes,
    ...accepting,
    settleUpload: createSettleUpload({ uploads, policyOf }),
    choosePlace: createChoosePlace({ uploads }),
    noteResume: createNoteResume({
      uploads,
      onResumed: metrics.uploads.resumed,
      onFault: (err) => log.debug({ err }, 'that a client came back to its upload could not be noted'),
    }),
    checkFirstBytes: createCheckFirstBytes({ uploads, storage, policyOf }),
    finishUpload,
    shareSmall: countSmall(shareSmall, metrics.uploads, given.refusals.note),
    previews,
    previewKinds,
    finishPartial: createFinishPartial({ parts, finishUpload }),
    abortUpload: countEnded(createAbortUpload({ uploads, storage, report, now }), metrics.uploads),
    ...deleting,
    webhooks,
    revokeLinks: createRevokeLinks({ database, files, ledger, audit, wake, now }),
    archiveFiles: createArchiveFiles({ files, uploads, storage, now }),
    giveUpFinish: createGiveUpFinish({ uploads, rejectUpload }),
    rescanFiles:
      scanObject === null
        ? null
        : createRescanFiles({ database, files, ledger, scanObject, noteInfected, removeFile, wake, now }),
    forgetInfection: createForgetInfection({ database, infections, audit, now }),
    importFiles: composeImport(given, { scanObject, findKnownBad, noteInfected, wantsPreview, wake }),
    manageCompanies: createManageCompanies({
      table: policyTable,
      audit,
      defaults: policies.defaults,
      onChanged: async () => {
        nodes.bus.tell({ type: 'policies' });
        await policies.look();
      },
      now,
    }),
    listFiles: createListFiles({ files, ledger, presentFile }),
  };
}

type ForImport = {
  scanObject: ScanObject | null;
  findKnownBad: FindKnownBad;
  noteInfected: NoteInfected;
  wantsPreview(mimeType: string): boolean;
  wake(company: string): void;
};

function composeImport(parts: Parts, given: ForImport) {
  const shared = { ...parts, ...given, policyOf: parts.policies.of, now };
  const importFile = createImportFile({ ...shared, recordImport: createRecordImport(shared) });
  return createImportFiles({ imported: parts.imported, importFile, now });
}

/** The first time, and then never again. */
function once<A extends unknown[]>(tell: (...args: A) => void): (...args: A) => void {
  let isTold = false;
  return (...args) => {
    if (!isTold) tell(...args);
    isTold = true;
  };
}
