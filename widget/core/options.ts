/** What a page hands to `createChatFiles`, and the defaults. */
import type { ChatFile } from '../../server/contract/chat-file.ts';
import type { GetToken } from './token.ts';

/** `code` is one of the README's table; `detail` one sentence for a person; `file` where one file is meant. */
export type ChatFilesError = { code: string; detail: string; file?: File };

/** Who asks for what: with neither `jwt` nor `getToken` the `chatdrop` cookie of the same origin speaks. */
export type ChatFilesOptions = {
  /** Where Chatdrop answers; the page's own origin by default. */
  apiBaseUrl?: string | undefined;
  companyId: string;
  sessionId: string;
  /** A token; when it ends, `getToken` is asked, or `setToken` waited for. */
  jwt?: string | undefined;
  /** Asked before a token runs out, once for all who wait for it. */
  getToken?: GetToken | undefined;
  /** Called once for each file that is shared from now on, by either side. */
  onFileShared?: ((file: ChatFile) => void) | undefined;
  /** Called when an upload is given up, and when access is lost. */
  onError?: ((error: ChatFilesError) => void) | undefined;
};

/** The base URL without its last slash. An explicit `undefined` (or null, from plain JavaScript) is a default. */
export function baseUrlOf({ apiBaseUrl }: Pick<ChatFilesOptions, 'apiBaseUrl'>): string {
  return (apiBaseUrl ?? location.origin).replace(/\/+$/, '');
}
