/** The room that a picture or video takes in the chat, known before anything of it has loaded. */
import type { ChatFile } from '../../server/contract/chat-file.ts';

/** `fit`: how the picture stands in its box. */
export type PictureBox = { width: number; ratio: number; fit: 'fill' | 'whole' };

const MAX_WIDTH = 340;
const MAX_HEIGHT = 320;
/** The name and the buttons under it need this much. */
const MIN_WIDTH = 252;
const MIN_HEIGHT = 96;
/** Beyond these, width to height, only the middle is shown: a strip of a panorama shows nothing. The viewer shows all. */
const NARROWEST = 0.55;
const WIDEST = 2.6;

const UNKNOWN: Record<'picture' | 'video', PictureBox> = {
  picture: { width: 260, ratio: 4 / 3, fit: 'whole' },
  video: { width: 320, ratio: 16 / 9, fit: 'whole' },
};

/** In CSS pixels; where the chat is narrower the box shrinks and keeps its ratio. */
export function pictureBox({ width, height }: ChatFile, shown: 'picture' | 'video'): PictureBox {
  if (!width || !height) return UNKNOWN[shown];
  const real = width / height;
  const ratio = Math.min(WIDEST, Math.max(NARROWEST, real));
  const wanted = Math.min(width, MAX_WIDTH, MAX_HEIGHT * ratio);
  const boxWidth = Math.max(MIN_WIDTH, wanted);
  const boxHeight = Math.max(MIN_HEIGHT, Math.min(MAX_HEIGHT, wanted / ratio));
  const isSmaller = width < boxWidth || height < boxHeight;
  return {
    width: Math.round(boxWidth),
    ratio: boxWidth / boxHeight,
    fit: shown === 'video' || isSmaller ? 'whole' : 'fill',
  };
}
