/** A find of the virus scanner as programs read it: from the API, and from the command line. */
import type { ListedInfection } from '../database/infection-table.ts';

export function presentInfection(infection: ListedInfection) {
  return {
    id: infection.id,
    found_at: new Date(infection.foundAt).toISOString(),
    company_id: infection.company,
    session_id: infection.session,
    uploader: infection.uploader,
    subject: infection.subject,
    upload_id: infection.uploadId,
    file_id: infection.fileId,
    name: infection.name,
    size: infection.sizeBytes,
    sha256: infection.sha256,
    signature: infection.signature,
  };
}
