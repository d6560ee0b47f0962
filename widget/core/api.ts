/** The HTTP calls of the widget, besides the uploads themselves. */
import type { ChatConfig, ChatFile, FileList, UnfinishedUpload } from '../../server/contract/chat-file.ts';
import type { Answer } from './answer.ts';
import { ApiError, answerOf, createRequests } from './requests.ts';
import type { TokenSource } from './token.ts';

export { ApiError };

export type Api = {
  config(): Promise<ChatConfig>;
  /** One page of the session's files, oldest first. */
  files(cursor: string | null): Promise<FileList>;
  file(id: number): Promise<ChatFile>;
  removeFile(id: number): Promise<void>;
  unfinishedUploads(): Promise<UnfinishedUpload[]>;
  /** Ends an upload and frees its bytes; an upload that is gone already counts as ended. */
  terminate(uploadUrl: string): Promise<void>;
  /** Why an ended upload was refused, or null: HEAD has no body, an empty PATCH repeats the refusal. */
  refusalOf(uploadUrl: string): Promise<Answer | null>;
  /** Ends what is under way, but for what the person asked to be removed. */
  destroy(): void;
};

const PAGE_SIZE = 200;

/** Binds the calls to one server, session and token. */
export function createApi(needs: {
  apiBaseUrl: string;
  companyId: string;
  sessionId: string;
  token: TokenSource;
}): Api {
  const { apiBaseUrl, companyId, sessionId, token } = needs;
  const chatUrl = `${apiBaseUrl}/api/chat`;
  const session = { company_id: companyId, session_id: sessionId };
  const { send, succeed, getJson, destroy } = createRequests({ token });

  return {
    config: () => getJson(`${chatUrl}/config/`),
    files: (cursor) =>
      getJson(`${chatUrl}/files/`, { ...session, limit: String(PAGE_SIZE), ...(cursor !== null && { cursor }) }),
    file: (id) => getJson(`${chatUrl}/files/${id}/`),
    async removeFile(id) {
      await succeed(`${chatUrl}/files/${id}/`, { method: 'DELETE', keepalive: true });
    },
    async unfinishedUploads() {
      const { uploads } = await getJson<{ uploads: UnfinishedUpload[] }>(`${chatUrl}/uploads/`, session);
      return uploads;
    },
    async terminate(uploadUrl) {
      const init = { method: 'DELETE', headers: { 'Tus-Resumable': '1.0.0' }, keepalive: true };
      const response = await send(uploadUrl, init);
      if (!response.ok && response.status !== 404 && response.status !== 410) {
        throw new ApiError(await answerOf(response));
      }
    },
    async refusalOf(uploadUrl) {
      const response = await send(uploadUrl, {
        method: 'PATCH',
        headers: {
          'Tus-Resumable': '1.0.0',
          'Upload-Offset': '0',
          'Content-Type': 'application/offset+octet-stream',
        },
      });
      return [413, 415, 422, 507].includes(response.status) ? answerOf(response) : null;
    },
    destroy,
  };
}
