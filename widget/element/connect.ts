/** Opens the chat that the element's attributes name. */
import type { ChatFile } from '../../server/contract/chat-file.ts';
import { type ChatFiles, createChatFiles } from '../core/chat-files.ts';
import type { ChatError } from '../frame/frame-messages.ts';

export function connect(options: {
  apiBaseUrl: string;
  companyId: string;
  sessionId: string;
  jwt: string | undefined;
  getToken: (() => string | Promise<string>) | undefined;
  onFileShared: (file: ChatFile) => void;
  onError: (error: ChatError) => void;
}): ChatFiles {
  const { jwt = '', getToken = () => jwt } = options;
  const chat = createChatFiles({ ...options, side: sideOf(jwt), getToken });
  let known: Set<number> | null = null;
  chat.state.subscribe(() => {
    const { isLoaded, files } = chat.state.get();
    if (!isLoaded) return;
    for (const file of known ? files : []) if (!known?.has(file.id)) options.onFileShared(file);
    known = new Set([...(known ?? []), ...files.map(({ id }) => id)]);
  });
  return chat;
}

function sideOf(token: string): 'user' | 'agent' {
  try {
    const payload = (token.split('.')[1] ?? '').replaceAll('-', '+').replaceAll('_', '/');
    return (JSON.parse(atob(payload)) as { role?: unknown }).role === 'agent' ? 'agent' : 'user';
  } catch {
    return 'user';
  }
}
