/** The upload in one request, what is on its way in a session, and who the caller is and which limits hold. */
import type { IncomingMessage } from 'node:http';
import * as z from 'zod';
import type { ChatConfig, ChatFile, UnfinishedUpload, UploadState } from '../contract/chat-file.ts';
import type { UploadRecord, UploadTable } from '../database/upload-table.ts';
import { chooseSession, isUploader, type Participant } from '../rules/participant.ts';
import { publicUploadId } from '../rules/upload-id.ts';
import type { FileStorage } from '../storage/file-storage.ts';
import type { CallerMiddleware } from './authenticate.ts';
import { readQuery } from './read-query.ts';

type Needs = {
  uploads: Pick<UploadTable, 'listUnfinished'>;
  storage: Pick<FileStorage, 'offsetOf'>;
  tusPath: string;
  /** As they hold for this caller. */
  limitsOf(caller: Participant): Promise<Omit<ChatConfig, 'caller'>>;
  now(): number;
  uploadWhole(caller: Participant, request: IncomingMessage, address: string): Promise<ChatFile>;
};

const MAX_LISTED = 200;
export const uploadsQuery = z.object({ company_id: z.string().optional(), session_id: z.string().optional() });

export type UploadRoutes = Record<'multipart' | 'unfinished' | 'config', CallerMiddleware>;

export function createUploadRoutes(needs: Needs): UploadRoutes {
  return {
    multipart: async (ctx) => {
      ctx.body = await needs.uploadWhole(ctx.state.caller, ctx.req, ctx.state.address ?? '');
      ctx.status = 201;
    },
    unfinished: async (ctx) => {
      const { caller } = ctx.state;
      const { company_id: company, session_id } = readQuery(uploadsQuery, ctx.query);
      const session = chooseSession(caller, { company, session: session_id });
      const records = await needs.uploads.listUnfinished(caller.company, session, MAX_LISTED, needs.now());
      const uploads = await Promise.all(records.map((record) => present(needs, caller, record)));
      ctx.body = { uploads };
    },
    config: async (ctx) => {
      const { role, company, session } = ctx.state.caller;
      const limits = await needs.limitsOf(ctx.state.caller);
      const config: ChatConfig = { ...limits, caller: { role, company_id: company, session_id: session } };
      ctx.body = config;
    },
  };
}

async function present(
  { storage, tusPath }: Needs,
  caller: Participant,
  record: UploadRecord,
): Promise<UnfinishedUpload> {
  const offset = record.state === 'open' ? await storage.offsetOf(record.id) : record.sizeBytes;
  const shown: UnfinishedUpload = {
    id: publicUploadId(record.id),
    name: record.name,
    mime_type: record.mimeType ?? record.declaredType,
    size: record.sizeBytes,
    offset: offset ?? record.bytesReceived,
    uploader: record.uploader,
    state: stateOf(record),
    expires_at: new Date(record.expiresAt).toISOString(),
  };
  // What comes in one request has no URL to go on at, and what is refused does not go on.
  if (isUploader(caller, record) && !record.oneRequest && record.state !== 'rejected')
    Object.assign(shown, { upload_url: `${tusPath}/${record.id}`, file_key: record.fileKey });
  return shown;
}

function stateOf({ state, lastError }: UploadRecord): UploadState {
  if (state === 'rejected') return 'unscannable';
  if (state !== 'finishing') return 'uploading';
  return lastError === null ? 'checking' : 'error';
}
