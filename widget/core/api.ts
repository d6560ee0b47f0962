/** The HTTP calls of the widget, besides the uploads themselves. */
import type { ChatConfig, ChatFile, FileList, UnfinishedUpload } from '../../server/contract/chat-file.ts';
import { type Answer, NO_TOKEN, readAnswer } from './answer.ts';
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
  /** Ends what is under way, but for what the person asked to be removed. */
  destroy(): void;
};

const ANSWER_TIMEOUT_MS = 10_000;
/** A long list on a slow network. */
const BODY_TIMEOUT_MS = 60_000;
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
  const underWay = new Set<AbortController>();
  let destroyed = false;

  async function request(url: string, init: RequestInit, bearer: string | null): Promise<Response> {
    const controller = new AbortController();
    const abort = () => controller.abort();
    let timer = setTimeout(abort, ANSWER_TIMEOUT_MS);
    if (!init.keepalive) underWay.add(controller);
    try {
      const headers = { ...init.headers, ...(bearer !== null && { Authorization: `Bearer ${bearer}` }) };
      const response = await fetch(url, { credentials: 'same-origin', ...init, headers, signal: controller.signal });
      clearTimeout(timer);
      timer = setTimeout(abort, BODY_TIMEOUT_MS);
      const body = [204, 205, 304].includes(response.status) ? null : await response.arrayBuffer();
      return new Response(body, response);
    } finally {
      clearTimeout(timer);
      underWay.delete(controller);
    }
  }

  async function send(url: string, init: RequestInit): Promise<Response> {
    for (let attempt = 1; ; attempt++) {
      const bearer = await token.get().catch(() => {
        throw new ApiError(NO_TOKEN);
      });
      if (destroyed) throw new ApiError(null);
      const response = await request(url, init, bearer).catch(() => {
        throw new ApiError(null);
      });
      if (response.status !== 401) {
        if (response.status < 500) token.accepted(bearer);
        return response;
      }
      token.refused(bearer, (await answerOf(response.clone())).code);
      // The same cookie again would be refused again.
      if (attempt === 2 || bearer === null) return response;
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
      await succeed(`${chatUrl}/files/${id}/`, { method: 'DELETE', keepalive: true });
    },
    async unfinishedUploads() {
      const { uploads } = await getJson<{ uploads: UnfinishedUpload[] }>('/uploads/', session);
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
    destroy() {
      destroyed = true;
      for (const controller of underWay) controller.abort();
    },
  };
}

async function answerOf(response: Response): Promise<Answer> {
  const body = await response.text().catch(() => '');
  return readAnswer(response.status, response.headers.get('Retry-After'), body);
}
