/** One sentence for the screen reader about files that came in chats out of view; what comes at once is gathered. */
import { useEffect, useState } from '@uppy/core/utils/preact/hooks';
import type { FileShared } from '../../server/contract/events.ts';
import { useWords } from '../ui/use-words.tsx';
import type { Company } from './company.ts';

const GATHER_MS = 1500;

export function useNews(company: Company): string {
  const words = useWords();
  const [sentence, setSentence] = useState('');
  useEffect(() => {
    let gathered: FileShared[] = [];
    let timer: ReturnType<typeof setTimeout> | undefined;
    const speak = () => {
      const [first, ...others] = gathered;
      gathered = [];
      timer = undefined;
      if (!first) return;
      setSentence(
        others.length > 0
          ? words.text('receivedFiles', { count: others.length + 1 })
          : words.text('fileState', {
              name: first.session_id,
              state: words.text('receivedFile', { name: first.name }),
            }),
      );
    };
    const stop = company.onNews((file) => {
      gathered.push(file);
      timer ??= setTimeout(speak, GATHER_MS);
    });
    return () => {
      stop();
      clearTimeout(timer);
    };
  }, [company, words]);
  return sentence;
}
