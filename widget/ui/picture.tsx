/** A picture in the chat: its room is kept, its colours come first, and it opens in the viewer. */
import { useLayoutEffect, useRef, useState } from '@uppy/core/utils/preact/hooks';
import type { ChatFile } from '../../server/contract/chat-file.ts';
import type { PictureBox } from './picture-box.ts';
import { Placeholder } from './placeholder.tsx';
import type { MediaLink } from './use-media-link.ts';
import { useWords } from './use-words.tsx';

/** `from`: what gets the focus back when the viewer closes. */
export type OpenFile = (file: ChatFile, from: HTMLElement) => void;

/** What may move. An AVIF that does is rare, and one drawn on a canvas looks the same. */
const MAY_MOVE = /^image\/(gif|webp|apng|avif)$/;

/** `more`: how many further pictures its tile stands for. */
export function Picture(props: { file: ChatFile; link: MediaLink; box: PictureBox; onOpen: OpenFile; more?: number }) {
  const { file, link, box, more = 0 } = props;
  const words = useWords();
  const name = words.text('openFile', { name: file.name });
  const [isShown, setIsShown] = useState(false);
  const still = useRef<HTMLCanvasElement>(null);
  const image = useRef<HTMLImageElement>(null);
  const isStill = link.url !== file.thumbnail && MAY_MOVE.test(file.mime_type) && wantsStillness();

  // One from the cache is there before its listener, and should not fade in each time.
  useLayoutEffect(() => {
    if (image.current?.complete && image.current.naturalWidth > 0) show();
    else setIsShown(false);
  }, [link.attempt]);

  function show(): void {
    if (isStill && still.current && image.current) drawFirstFrame(image.current, still.current);
    setIsShown(true);
  }

  return (
    <button
      type="button"
      class="picture"
      data-fit={box.fit}
      aria-haspopup="dialog"
      aria-label={more > 0 ? `${name} (+${words.number(more)})` : name}
      style={{ aspectRatio: String(box.ratio) }}
      onClick={(event) => props.onOpen(file, event.currentTarget)}
    >
      {file.placeholder !== null && !isShown && <Placeholder hash={file.placeholder} />}
      <img
        key={link.attempt}
        ref={image}
        class="picture-image"
        src={link.url}
        alt=""
        loading="lazy"
        decoding="async"
        referrerPolicy="no-referrer"
        draggable={false}
        data-still={isStill}
        data-shown={isShown}
        onLoad={show}
        onError={link.onError}
      />
      {isStill && <canvas class="picture-image" ref={still} data-shown={isShown} />}
      {more > 0 && <span class="picture-more" data-more={`+${words.number(more)}`} />}
    </button>
  );
}

function wantsStillness(): boolean {
  return matchMedia('(prefers-reduced-motion: reduce)').matches;
}

/** A canvas takes the first frame of what moves. */
function drawFirstFrame(image: HTMLImageElement, canvas: HTMLCanvasElement): void {
  canvas.width = image.naturalWidth;
  canvas.height = image.naturalHeight;
  canvas.getContext('2d')?.drawImage(image, 0, 0);
}
