/** Chooses the few events that a screen reader should speak, and gathers what comes at once into one sentence. */
import { useLayoutEffect, useRef, useState } from '@uppy/core/utils/preact/hooks';
import type { ChatFile } from '../../server/contract/chat-file.ts';
import type { ChatFiles, ChatFilesState } from '../core/chat-files.ts';
import type { Upload } from '../core/upload.ts';
import type { Words } from '../words/create-words.ts';
import { type ServerFacts, uploadText } from '../words/state-words.ts';
import { useWords } from './use-words.tsx';

const GATHER_MS = 800;

/** Longer uploads are spoken of once more, half way. Milliseconds. */
const LONG_MS = 20_000;

/**
 * The sentence for a polite live region: the start of a batch, half of a long upload, files received and sent, what
 * failed, the network gone and back. Never a tick of progress.
 */
export function useAnnouncer(chat: ChatFiles): string {
  const words = useWords();
  const [sentence, setSentence] = useState('');
  const pending = useRef<Pending>(nothing());
  const timer = useRef<ReturnType<typeof setTimeout> | null>(null);

  // From the first drawing on: a file that a page hands over at once is spoken of too.
  useLayoutEffect(() => {
    const speak = () => {
      setSentence(sentenceOf(words, pending.current));
      pending.current = nothing();
    };
    let before = chat.state.get();
    const stop = chat.state.subscribe(() => {
      const now = chat.state.get();
      if (!gather(pending.current, words, before, now)) {
        before = now;
        return;
      }
      before = now;
      clearTimeout(timer.current ?? undefined);
      timer.current = setTimeout(speak, GATHER_MS);
    });
    return () => {
      stop();
      clearTimeout(timer.current ?? undefined);
    };
  }, [chat, words]);
  return sentence;
}

/** What has happened since `before`, added to what waits to be spoken. @returns whether there was anything */
function gather(pending: Pending, words: Words, before: ChatFilesState, now: ChatFilesState): boolean {
  const { started, received, sent, others } = pending;
  const counted = () => started.length + received.length + sent.length + others.length;
  const countBefore = counted();
  for (const file of before.isLoaded ? newFiles(before, now) : []) {
    (file.uploader === now.side ? sent : received).push(file.name);
  }
  for (const upload of now.uploads) {
    const earlier = before.uploads.find(({ id }) => id === upload.id);
    if (earlier === upload) continue;
    if (!earlier) started.push(upload.name);
    const state = stateToSay(words, upload, earlier, now.config);
    if (state !== null) others.push(words.text('fileState', { name: upload.name, state }));
  }
  const isAway = isNetworkAway(now);
  if (isAway !== isNetworkAway(before)) others.push(words.label(isAway ? 'offline' : 'online'));
  return counted() > countBefore;
}

function sentenceOf(words: Words, { started, received, sent, others }: Pending): string {
  // What is here already needs no “on its way”.
  const sending = started.filter((name) => !sent.includes(name));
  return [
    ...summed(
      sending,
      (name) => words.text('sendingFile', { name }),
      words.text('sendingFiles', { count: sending.length }),
    ),
    ...summed(
      received,
      (name) => words.text('receivedFile', { name }),
      words.text('receivedFiles', { count: received.length }),
    ),
    ...summed(sent, (name) => words.text('sentFile', { name }), words.text('sentFiles', { count: sent.length })),
    ...others,
  ].join(' — ');
}

function newFiles(before: ChatFilesState, now: ChatFilesState): ChatFile[] {
  if (before.files === now.files) return [];
  const known = new Set(before.files.map(({ id }) => id));
  return now.files.filter(({ id }) => !known.has(id));
}

type Pending = { started: string[]; received: string[]; sent: string[]; others: string[] };

function nothing(): Pending {
  return { started: [], received: [], sent: [], others: [] };
}

/** Null where there is no news. */
function stateToSay(words: Words, upload: Upload, before: Upload | undefined, server: ServerFacts): string | null {
  if (passesHalf(upload, before)) return words.percent(upload.sentBytes, upload.size);
  const { status } = upload;
  const isNews = status !== before?.status && (status === 'failed' || status === 'choose-again');
  return isNews ? uploadText(words, upload, Date.now(), server) : null;
}

function passesHalf(upload: Upload, before: Upload | undefined): boolean {
  const { size, addedAt, status } = upload;
  if (!before || status !== 'uploading' || Date.now() - addedAt < LONG_MS) return false;
  return before.sentBytes < size / 2 && upload.sentBytes >= size / 2;
}

/** Only what stops an upload is news; that the feed reconnects is nobody's concern. */
function isNetworkAway({ uploads }: ChatFilesState): boolean {
  return uploads.some(({ status, wait }) => status === 'waiting' && wait?.reason === 'network');
}

/** One file by its name, several by their number. */
function summed(names: string[], one: (name: string) => string, several: string): string[] {
  const [first] = names;
  if (first === undefined) return [];
  return [names.length === 1 ? one(first) : several];
}
