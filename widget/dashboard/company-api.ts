/** The calls of an agent who sees a whole company. */
import type { ChatConfig, ChatFile, FileList, SessionList } from '../../server/contract/chat-file.ts';
import type { FileFilter, FileOrder } from '../../server/contract/file-filter.ts';
import { createRequests } from '../core/requests.ts';
import type { TokenSource } from '../core/token.ts';

export type FilesRequest = FileFilter & {
  /** Null: the whole company's. */
  sessionId: string | null;
  order: FileOrder;
  limit: number;
  cursor?: string | null;
};

export type CompanyApi = {
  config(): Promise<ChatConfig>;
  /** `q`: only those whose id contains it. */
  sessions(request: { limit: number; cursor?: string | null; q?: string }): Promise<SessionList>;
  files(request: FilesRequest): Promise<FileList>;
  file(id: number): Promise<ChatFile>;
  removeFile(id: number): Promise<void>;
  /** An address of all files of a chat as one zip, which the browser can follow for a minute. */
  archiveUrl(sessionId: string): Promise<string>;
  destroy(): void;
};

export function createCompanyApi({ apiBaseUrl, token }: { apiBaseUrl: string; token: TokenSource }): CompanyApi {
  const chatUrl = `${apiBaseUrl}/api/chat`;
  const { getJson, succeed, destroy } = createRequests({ token });
  return {
    config: () => getJson(`${chatUrl}/config/`),
    sessions: ({ limit, cursor, q }) => getJson(`${chatUrl}/sessions/`, queryOf({ limit, cursor, q })),
    files: ({ sessionId, order, limit, cursor, kind, uploader, q }) =>
      getJson(`${chatUrl}/files/`, queryOf({ session_id: sessionId, order, limit, cursor, kind, uploader, q })),
    file: (id) => getJson(`${chatUrl}/files/${id}/`),
    async removeFile(id) {
      await succeed(`${chatUrl}/files/${id}/`, { method: 'DELETE', keepalive: true });
    },
    async archiveUrl(sessionId) {
      const made = await succeed(`${chatUrl}/sessions/${sessionId}/archive/`, { method: 'POST' });
      return ((await made.json()) as { url: string }).url;
    },
    destroy,
  };
}

/** Leaves out what is not given. */
function queryOf(values: Record<string, string | number | null | undefined>): Record<string, string> {
  const given = Object.entries(values).filter(([, value]) => value !== null && value !== undefined && value !== '');
  return Object.fromEntries(given.map(([key, value]) => [key, String(value)]));
}
