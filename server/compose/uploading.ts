import { TUS_PATH } from '../http/http-app.ts';
import { createAppendPatch } from '../upload/append-patch.ts';
import { createFreshUploads, NO_FRESH_UPLOADS } from '../upload/fresh-uploads.ts';
import { createGatherBody } from '../upload/gather-body.ts';
import { createMultipartUpload } from '../upload/multipart-upload.ts';
import { createTusEndpoint } from '../upload/tus-endpoint.ts';
import type { TusLibrary } from '../upload/tus-library.ts';
import { createWriteBody } from '../upload/write-body.ts';
import { now, type Parts } from './parts.ts';
import type { Sharing } from './sharing.ts';

export type UploadEdge = ReturnType<typeof composeUpload>;

/** The two ways in: tus, and the original API's one request. */
export function composeUpload(
  { config, uploads, files, parts, storage, policies, presentFile, draining }: Parts,
  sharing: Sharing,
) {
  const { uploadExpirySeconds: expirySeconds } = config;
  const { of: policyOf, largestFileBytes } = policies;
  const shared = { ...sharing, path: TUS_PATH, policyOf, expirySeconds, uploads, parts, storage, now };
  const writeBody = createWriteBody({ ...shared, draining: draining.signal });
  const appendPatch = createAppendPatch({ ...shared, writeBody });
  const gatherBody = createGatherBody({ draining: draining.signal });
  const library = whenNeeded(async () => {
    // Twenty milliseconds of a start, and nobody may ever upload: it is read with the first upload.
    const { createTusLibrary } = await import('../upload/tus-library.ts');
    return createTusLibrary({ ...shared, writeBody });
  });
  const multipart = createMultipartUpload({ ...shared, files, writeBody, presentFile, draining: draining.signal });
  // With SQLite there is one server (instance-lock).
  const freshUploads = config.postgresUrl === undefined ? createFreshUploads(now) : NO_FRESH_UPLOADS;
  const tus = createTusEndpoint({ ...shared, library, appendPatch, gatherBody, freshUploads, largestFileBytes });
  return { tus, multipart };
}

function whenNeeded(make: () => Promise<TusLibrary>): TusLibrary {
  let made: Promise<TusLibrary> | undefined;
  return async (call) => {
    made ??= make();
    return (await made)(call);
  };
}
