/** What is on its way in each chat: other people's uploads as their events tell it, the agent's own as the open chats do. */
import type { ChatFile } from '../../server/contract/chat-file.ts';
import type { ProgressState, UploadProgress } from '../../server/contract/events.ts';
import { createIncoming, type Incoming } from '../core/incoming.ts';
import type { Upload, UploadStatus } from '../core/upload.ts';

export type Move = {
  name: string;
  /** Bytes; null while nobody knows it. */
  size: number | null;
  /** Bytes that have arrived. */
  offset: number;
};

export type ChatMoves = {
  /** Newest last; what has ended is left out. */
  of(sessionId: string): Move[];
  /** Whether the agent has to do something about an own upload. */
  needsAgent(sessionId: string): boolean;
  /** True for the first that is heard of an upload. */
  onProgress(event: UploadProgress): boolean;
  onShared(file: ChatFile): void;
  /** True when an upload began. */
  setOwn(sessionId: string, uploads: Upload[]): boolean;
  drop(sessionId: string): void;
  destroy(): void;
};

const STUCK: ReadonlySet<UploadStatus> = new Set<UploadStatus>(['failed', 'choose-again']);

const UNDER_WAY: ReadonlySet<ProgressState> = new Set<ProgressState>(['uploading', 'checking', 'error', 'done']);

/** `onChange`: something moved in this chat. */
export function createChatMoves(onChange: (sessionId: string) => void): ChatMoves {
  const incoming = new Map<string, Incoming>();
  const own = new Map<string, Upload[]>();

  function incomingOf(id: string): Incoming {
    let known = incoming.get(id);
    if (!known) {
      known = createIncoming();
      incoming.set(id, known);
      known.uploads.subscribe(() => onChange(id));
    }
    return known;
  }

  return {
    of(id) {
      const others = incoming.get(id)?.uploads.get() ?? [];
      return [
        ...others
          .filter(({ state }) => UNDER_WAY.has(state))
          .map(({ name, size, offset, state }) => ({ name, size, offset: state === 'done' ? (size ?? 0) : offset })),
        ...(own.get(id) ?? [])
          .filter(({ status }) => !STUCK.has(status))
          .map(({ name, size, sentBytes }) => ({ name, size, offset: sentBytes })),
      ];
    },
    needsAgent: (id) => own.get(id)?.some(({ status }) => STUCK.has(status)) ?? false,
    onProgress(event) {
      const { uploads, onProgress } = incomingOf(event.session_id);
      const isFirst = !uploads.get().some(({ id }) => id === event.upload_id);
      onProgress(event);
      return isFirst;
    },
    onShared(file) {
      incoming.get(file.session_id)?.onShared(file);
    },
    setOwn(id, uploads) {
      const before = own.get(id) ?? [];
      if (before === uploads || (before.length === 0 && uploads.length === 0)) return false;
      own.set(id, uploads);
      onChange(id);
      return uploads.some((upload) => !before.some((known) => known.id === upload.id));
    },
    drop(id) {
      incoming.get(id)?.destroy();
      incoming.delete(id);
    },
    destroy() {
      for (const each of incoming.values()) each.destroy();
    },
  };
}
