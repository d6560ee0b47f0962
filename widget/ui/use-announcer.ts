/** Chooses the few events that a screen reader should speak, and gathers what comes at once into one sentence. */
import { useEffect, useRef, useState } from '@uppy/core/utils/preact/hooks';
import type { ChatFile } from '../../server/contract/chat-file.ts';
import type { ChatFiles, ChatFilesState } from '../core/chat-files.ts';
import type { Upload } from '../core/upload.ts';
import { uploadText } from './words.ts';

const GATHER_MS = 800;

/** The sentence for a polite live region: files received, files sent, uploads that failed or wait for the network. */
export function useAnnouncer(chat: ChatFiles): string {
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
        setSentence([count('Received', received), count('Sent', sent), ...others].filter(Boolean).join(' — '));
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
        pending.current.others.push(`${upload.name}: ${uploadText(upload, Date.now(), maxBytes)}`);
        speakSoon();
      }
      before = now;
    });
    return () => {
      stop();
      clearTimeout(timer.current ?? undefined);
    };
  }, [chat]);
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

function count(verb: string, names: string[]): string {
  if (names.length === 0) return '';
  return names.length === 1 ? `${verb}: ${names[0]}` : `${verb}: ${names.length} files`;
}
