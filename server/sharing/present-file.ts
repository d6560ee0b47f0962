/** A file's row → what crosses the wire, with links signed now. */
import type { ChatFile } from '../contract/chat-file.ts';
import type { FileRecord } from '../database/chat-file-table.ts';
import { shownAs } from '../rules/shown-as.ts';
import { type Disposition, signLink } from '../rules/signed-link.ts';

type Needs = {
  /** Absolute, with path and last slash: `https://files.example.com/media/`. Known once the server listens. */
  mediaUrl(): string;
  secret: string;
  expirySeconds: number;
  now(): number;
};

export type PresentFile = (file: FileRecord) => ChatFile;

export function createPresentFile({ mediaUrl, secret, expirySeconds, now }: Needs): PresentFile {
  const link = (key: string, disposition: Disposition, epoch: number): string => {
    const expiresAt = Math.floor(now() / 1000) + expirySeconds;
    return `${mediaUrl()}${key}?${signLink(secret, key, { expiresAt, disposition, epoch })}`;
  };
  return (file) => ({
    id: file.id,
    company_id: file.company,
    session_id: file.session,
    uploader: file.uploader,
    url: link(file.storageKey, shownAs(file.mimeType, 'inline').disposition, file.linkEpoch),
    name: file.name,
    original_name: file.name,
    mime_type: file.mimeType,
    size: file.sizeBytes,
    thumbnail: file.thumbnailKey === null ? null : link(file.thumbnailKey, 'inline', file.linkEpoch),
    created_at: new Date(file.createdAt).toISOString(),
    seq: file.seq,
    width: file.width,
    height: file.height,
    placeholder: file.placeholder,
    scan: file.scan,
    sha256: file.sha256,
  });
}
