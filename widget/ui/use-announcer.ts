/** Chooses the few events that a screen reader should speak, and gathers what comes at once into one sentence. */
import { useEffect, useRef, useState } from '@uppy/core/utils/preact/hooks';
import type { ChatFile } from '../../server/contract/chat-file.ts';
import type { ChatFiles, ChatFilesState } from '../core/chat-files.ts';
import type { Upload } from '../core/upload.ts';
import { uploadText } from '../words/state-words.ts';
import { useWords } from './use-words.tsx';

const GATHER_MS = 800;

/** The sentence for a polite live region: files received, files sent, uploads that failed or wait for the network. */
export function useAnnouncer(chat: ChatFiles): string {
  const words = useWords();
  const [sentence, setSentence] = useState('');
  const pending = useRef<{ received: string[]; sent: string[]; others: string[] }>({
    received: [],
    sent: [],
    others: [],
  });
  const timer = useRef<ReturnType<typeof setTimeout> | null>(null);

  useEffect(() => {
    const speakSoon = () => {
      clearTimeout(timer.current ?? undefined);
      timer.current = setTimeout(() => {
        const { received, sent, others } = pending.current;
        pending.current = { received: [], sent: [], others: [] };
        setSentence(
          [
            ...summed(
              received,
              (name) => words.text('receivedFile', { name }),
              words.text('receivedFiles', { count: received.length }),
            ),
            ...summed(
              sent,
              (name) => words.text('sentFile', { name }),
              words.text('sentFiles', { count: sent.length }),
            ),
            ...others,
          ].join(' — '),
        );
      }, GATHER_MS);
    };
    let before = chat.state.get();
    const stop = chat.state.subscribe(() => {
      const now = chat.state.get();
      const maxBytes = now.config?.max_file_size ?? null;
      for (const file of before.isLoaded ? newFiles(before, now) : []) {
        (file.uploader === chat.side ? pending.current.sent : pending.current.received).push(file.name);
        speakSoon();
      }
      for (const upload of now.uploads) {
        const earlier = before.uploads.find(({ id }) => id === upload.id);
        if (earlier?.status === upload.status || !isWorthSaying(upload, earlier)) continue;
        pending.current.others.push(
          words.text('fileState', { name: upload.name, state: uploadText(words, upload, Date.now(), maxBytes) }),
        );
        speakSoon();
      }
      before = now;
    });
    return () => {
      stop();
      clearTimeout(timer.current ?? undefined);
    };
  }, [chat, words]);
  return sentence;
}

function newFiles(before: ChatFilesState, now: ChatFilesState): ChatFile[] {
  if (before.files === now.files) return [];
  const known = new Set(before.files.map(({ id }) => id));
  return now.files.filter(({ id }) => !known.has(id));
}

function isWorthSaying({ status, wait }: Upload, before: Upload | undefined): boolean {
  if (status === 'failed' || status === 'choose-again') return true;
  // Retries come and go; only the first wait is news.
  return status === 'waiting' && wait?.reason === 'network' && before?.status === 'uploading' && before.sentBytes > 0;
}

/** One file by its name, several by their number. */
function summed(names: string[], one: (name: string) => string, several: string): string[] {
  const [first] = names;
  if (first === undefined) return [];
  return [names.length === 1 ? one(first) : several];
}
