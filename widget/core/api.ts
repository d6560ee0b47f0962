/** The HTTP calls of the widget, besides the uploads themselves. */
import type { ChatConfig, ChatFile, FileList, UnfinishedUpload } from '../../server/contract/chat-file.ts';
import { type Answer, readAnswer } from './answer.ts';
import type { TokenSource } from './token.ts';

/** An answer that is not a success; `answer` is null when none came. */
export class ApiError extends Error {
  readonly answer: Answer | null;
  constructor(answer: Answer | null) {
    super(answer?.detail ?? 'The server cannot be reached.');
    this.answer = answer;
  }
}

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
};

const REQUEST_TIMEOUT_MS = 20_000;
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

  async function send(url: string, init: RequestInit): Promise<Response> {
    for (let attempt = 1; ; attempt++) {
      let bearer: string;
      let response: Response;
      try {
        bearer = await token.get();
        response = await fetch(url, {
          ...init,
          headers: { ...init.headers, Authorization: `Bearer ${bearer}` },
          signal: AbortSignal.timeout(REQUEST_TIMEOUT_MS),
        });
      } catch {
        throw new ApiError(null);
      }
      if (response.status !== 401) return response;
      token.invalidate(bearer);
      if (attempt === 2) return response;
    }
  }

  async function succeed(url: string, init: RequestInit = {}): Promise<Response> {
    const response = await send(url, init);
    if (!response.ok) throw new ApiError(await answerOf(response));
    return response;
  }

  async function getJson<T>(path: string, query: Record<string, string> = {}): Promise<T> {
    const search = new URLSearchParams(query).toString();
    const response = await succeed(`${chatUrl}${path}${search && `?${search}`}`);
    return (await response.json()) as T;
  }

  return {
    config: () => getJson('/config/'),
    files: (cursor) => getJson('/files/', { ...session, limit: String(PAGE_SIZE), ...(cursor !== null && { cursor }) }),
    file: (id) => getJson(`/files/${id}/`),
    async removeFile(id) {
      await succeed(`${chatUrl}/files/${id}/`, { method: 'DELETE' });
    },
    async unfinishedUploads() {
      const { uploads } = await getJson<{ uploads: UnfinishedUpload[] }>('/uploads/', session);
      return uploads;
    },
    async terminate(uploadUrl) {
      const response = await send(uploadUrl, { method: 'DELETE', headers: { 'Tus-Resumable': '1.0.0' } });
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
  };
}

async function answerOf(response: Response): Promise<Answer> {
  const body = await response.text().catch(() => '');
  return readAnswer(response.status, response.headers.get('Retry-After'), body);
}
