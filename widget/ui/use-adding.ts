/** The one way in for files, however they come: named, checked, made smaller if that is wished, and what is left out is told. */
import { useCallback, useLayoutEffect, useState } from '@uppy/core/utils/preact/hooks';
import type { ChatFiles } from '../core/chat-files.ts';
import { isClutter } from '../frame/dropped-files.ts';
import type { Words } from '../words/create-words.ts';
import { problemText } from '../words/problem-words.ts';
import { certainRefusal } from './allowed-types.ts';
import { nameNow } from './name-now.ts';
import { rememberSmaller, smallerPicture, wantsSmaller } from './smaller-pictures.ts';
import { useWords } from './use-words.tsx';

export type Adding = {
  add: (files: File[]) => void;
  /** A drop or choice in which no file was found. */
  foundNothing: (hadFolder: boolean) => void;
  isSmaller: boolean;
  setSmaller: (isOn: boolean) => void;
  /** One sentence, or several in lines of their own. */
  notice: string | null;
  setNotice: (notice: string | null) => void;
};

/** More names than this tell nobody more. */
const MAX_NAMED = 3;
/** A picture from the clipboard was made when it was pasted; one on the disk was not. */
const JUST_NOW_MS = 3000;

const ways = new WeakMap<ChatFiles, (files: File[]) => void>();

/** For a page that hands files over (`addFiles`, a drop on the host page): the same way in as in the widget. */
export function addFiles(chat: ChatFiles, files: File[]): void {
  const add = ways.get(chat) ?? chat.add;
  add(files);
}

export function useAdding(chat: ChatFiles): Adding {
  const words = useWords();
  const [isSmaller, setIsSmaller] = useState(wantsSmaller);
  const [notice, setNotice] = useState<string | null>(null);

  const add = useCallback(
    (files: File[]) => {
      const { config, unfinished } = chat.state.get();
      const found = files.filter(({ name }) => !isClutter(name)).map((file) => named(file, words));
      const refused: string[] = [];
      const whole: File[] = [];
      const pictures: File[] = [];
      for (const file of found) {
        const code = config && certainRefusal(file, config.allowed_types);
        if (code)
          refused.push(words.text('fileState', { name: file.name, state: problemText(words, { code, detail: null }) }));
        // One that an earlier visit began is sent as it was: it goes on where it stopped.
        else if (isSmaller && !unfinished.some(({ size }) => size === file.size)) pictures.push(file);
        else whole.push(file);
      }
      const transform = (file: File) => smallerPicture(file, config);
      const leftOut = chat.add(whole) + chat.add(pictures, { transform });
      setNotice(noticeOf(words, refused, leftOut));
    },
    [chat, words, isSmaller],
  );

  // What is shown is what counts: a picture that comes right after the switch is made smaller.
  useLayoutEffect(() => {
    ways.set(chat, add);
    return () => {
      ways.delete(chat);
    };
  }, [chat, add]);

  return {
    add,
    foundNothing: useCallback(
      (hadFolder) => setNotice(words.label(hadFolder ? 'folderEmpty' : 'dropUnreadable')),
      [words],
    ),
    isSmaller,
    setSmaller(isOn) {
      setIsSmaller(isOn);
      rememberSmaller(isOn);
    },
    notice,
    setNotice,
  };
}

/** Every screenshot from a clipboard is called image.png, and the second would look like the first. */
function named(file: File, words: Words): File {
  const isFromClipboard = file.name === 'image.png' && Math.abs(Date.now() - file.lastModified) < JUST_NOW_MS;
  if (!isFromClipboard) return file;
  return new File([file], nameNow(words, 'screenshot', 'png'), { type: file.type, lastModified: file.lastModified });
}

function noticeOf(words: Words, refused: string[], leftOut: number): string | null {
  const lines = refused.slice(0, MAX_NAMED);
  if (refused.length > MAX_NAMED) lines.push(words.text('filesRefused', { count: refused.length - MAX_NAMED }));
  if (leftOut > 0) lines.push(words.text('tooMany', { count: leftOut }));
  return lines.length === 0 ? null : lines.join('\n');
}
