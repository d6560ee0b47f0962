/** Signed links: whoever holds one may read the file until it expires, whatever the store. */
import type { Middleware } from 'koa';
import type { ChatFileTable, FileRecord } from '../database/chat-file-table.ts';
import { linkHolder } from '../rules/actor.ts';
import { Failure } from '../rules/failure.ts';
import { checkLink, invalidLink } from '../rules/signed-link.ts';
import { isStorageKey } from '../rules/upload-id.ts';
import type { AuditLog } from '../sharing/audit-log.ts';
import type { ClientOf } from './client-of.ts';
import { deedOn } from './file-routes.ts';
import { deedOfAnswer, type SendObject } from './send-object.ts';

type Needs = {
  files: Pick<ChatFileTable, 'findByKey' | 'findByThumbnail'>;
  sendObject: SendObject;
  auditLog: Pick<AuditLog, 'note'>;
  clientOf: ClientOf;
  secret: string;
  now(): number;
};

/** `GET /media/{key}?expires=&disposition=&epoch=&signature=` · 403 altered, expired or taken back, 404 removed since. */
export function createMediaRoute({ files, sendObject, auditLog, clientOf, secret, now }: Needs): Middleware {
  return async (ctx) => {
    const key = String(ctx.params.key);
    const nowSeconds = Math.floor(now() / 1000);
    const query = {
      expires: one(ctx.query.expires),
      disposition: one(ctx.query.disposition),
      epoch: one(ctx.query.epoch),
      signature: one(ctx.query.signature),
    };
    // The signature comes first: the database is not asked for what somebody made up.
    const { disposition, epoch, expiresAt } = checkLink(secret, key, query, nowSeconds);
    const file = isStorageKey(key)
      ? ((await files.findByKey(key)) ?? thumbnailOf(await files.findByThumbnail(key)))
      : null;
    if (file === null) throw new Failure('not-found', 'This file was removed from the chat.');
    if (epoch !== file.linkEpoch) throw invalidLink();
    // The link is the right to see it, whichever page shows it. By a token or the cookie only our own pages do.
    ctx.set('Cross-Origin-Resource-Policy', 'cross-origin');
    await sendObject(ctx, file, disposition, expiresAt - nowSeconds);
    const sent = deedOfAnswer(ctx);
    // A thumbnail comes with every list: the list is what tells of it.
    if (sent !== null && key !== file.thumbnailKey) auditLog.note(linkHolder(clientOf(ctx.req)), deedOn(file, sent));
  };
}

/** As a file of its own: what is made of a picture is WebP, whatever that is. */
function thumbnailOf(file: FileRecord | null): FileRecord | null {
  if (file === null || file.thumbnailKey === null) return null;
  const { uploadId, name, thumbnailKey } = file;
  return {
    ...file,
    uploadId: `${uploadId}.thumbnail`,
    storageKey: thumbnailKey,
    mimeType: 'image/webp',
    name: `${name}.webp`,
  };
}

function one(value: string | string[] | undefined): string {
  return typeof value === 'string' ? value : '';
}
