/** The link that one file is shown by: kept while it works, renewed once when it does not. */
import { useEffect, useRef, useState } from '@uppy/core/utils/preact/hooks';
import type { ChatFile } from '../../server/contract/chat-file.ts';
import type { FileSource } from './file-source.ts';

export type MediaLink = {
  url: string;
  /** Grows with each new try: as the key of an element it makes one that loads again. */
  attempt: number;
  /** Nothing helped: show a card. */
  isBroken: boolean;
  onError: () => void;
};

type State = { url: string; attempt: number; step: 'first' | 'renewed' | 'other-size' | 'broken' };

/**
 * Links are renewed now and then. A picture that is there must not load again and a video must not stop playing, so a
 * link stays until it fails. `small`: the thumbnail where the server has one, and the file itself where that is broken;
 * otherwise the file, and the thumbnail of a picture that the browser cannot show.
 */
export function useMediaLink(source: FileSource, file: ChatFile, small: boolean): MediaLink {
  const linkOf = (from: ChatFile) => (small && from.thumbnail !== null ? from.thumbnail : from.url);
  const [state, setState] = useState<State>(() => ({ url: linkOf(file), attempt: 0, step: 'first' }));
  const isBusy = useRef(false);
  const { url, attempt, step } = state;

  // It was broken because there was no network, perhaps: each new link is worth a try.
  useEffect(() => {
    if (step === 'broken' && url !== linkOf(file))
      setState({ url: linkOf(file), attempt: attempt + 1, step: 'renewed' });
  }, [file]);

  async function goOn(): Promise<void> {
    const again = (next: string, nextStep: State['step']) =>
      setState({ url: next, attempt: attempt + 1, step: nextStep });
    const newest = () => source.state.get().files.find(({ id }) => id === file.id) ?? file;
    if (step === 'first') {
      await source.renewLinks(file.id).catch(() => {});
      again(linkOf(newest()), 'renewed');
    } else if (step === 'renewed' && otherSizeOf(newest(), small) !== null)
      again(otherSizeOf(newest(), small) ?? url, 'other-size');
    else again(url, 'broken');
  }

  function onError(): void {
    if (isBusy.current || step === 'broken') return;
    isBusy.current = true;
    void goOn().finally(() => {
      isBusy.current = false;
    });
  }

  return { url, attempt, isBroken: step === 'broken', onError };
}

function otherSizeOf({ url, thumbnail, mime_type: type }: ChatFile, small: boolean): string | null {
  if (small) return thumbnail === null ? null : url;
  return /^image\//.test(type) ? thumbnail : null;
}
