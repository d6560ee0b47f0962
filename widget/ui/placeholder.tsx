/** The colours of a picture before it is here, from its thumbhash. */
import { useEffect, useRef } from '@uppy/core/utils/preact/hooks';

/** The decoder is a chunk of its own: most chats open without a picture that still loads. */
const loadDecoder = () => import('thumbhash');

/** Decoration. What is no thumbhash draws nothing. */
export function Placeholder({ hash }: { hash: string }) {
  const canvas = useRef<HTMLCanvasElement>(null);
  useEffect(() => {
    loadDecoder()
      .then(({ thumbHashToRGBA }) => {
        const { w, h, rgba } = thumbHashToRGBA(Uint8Array.from(atob(hash), (character) => character.charCodeAt(0)));
        const target = canvas.current;
        if (!target) return;
        target.width = w;
        target.height = h;
        target.getContext('2d')?.putImageData(new ImageData(new Uint8ClampedArray(rgba), w, h), 0, 0);
      })
      .catch(() => {});
  }, [hash]);
  return <canvas class="placeholder" ref={canvas} width={1} height={1} />;
}
