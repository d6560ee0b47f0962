/** How a picture stands in the viewer: fitted, zoomed about a point, and moved no further than its edges. */

export type Size = { width: number; height: number };
/** In CSS pixels, from the middle of the stage. */
export type Point = { x: number; y: number };
/** `scale` 1 is the fitted picture; `x` and `y` move its middle. */
export type View = { scale: number; x: number; y: number };

export const FITTED: View = { scale: 1, x: 0, y: 0 };

const MIN_MAX_SCALE = 3;
const MAX_SCALE = 12;

/** The size of the whole picture on this stage; a smaller one stays as it is. */
export function fittedSize(picture: Size, stage: Size): Size {
  const factor = Math.min(1, stage.width / picture.width, stage.height / picture.height);
  return { width: picture.width * factor, height: picture.height * factor };
}

/** Far enough to see each pixel twice as large. */
export function maxScale(picture: Size, fitted: Size): number {
  return Math.min(MAX_SCALE, Math.max(MIN_MAX_SCALE, (picture.width / Math.max(1, fitted.width)) * 2));
}

/** Zooms so that what is under `point` stays there. */
export function zoomedAt(view: View, point: Point, scale: number): View {
  const factor = scale / view.scale;
  return { scale, x: point.x - (point.x - view.x) * factor, y: point.y - (point.y - view.y) * factor };
}

/** Keeps the scale within its limits, and the picture over the stage where it is larger, in the middle where not. */
export function bounded(view: View, fitted: Size, stage: Size, largest: number): View {
  const scale = Math.min(largest, Math.max(1, view.scale));
  const at = scale === view.scale ? view : zoomedAt(view, { x: 0, y: 0 }, scale);
  const slackX = Math.max(0, (fitted.width * scale - stage.width) / 2);
  const slackY = Math.max(0, (fitted.height * scale - stage.height) / 2);
  return { scale, x: within(at.x, slackX), y: within(at.y, slackY) };
}

/** Whether this point of the stage is on the picture. */
export function isOn({ scale, x, y }: View, fitted: Size, point: Point): boolean {
  return Math.abs(point.x - x) <= (fitted.width * scale) / 2 && Math.abs(point.y - y) <= (fitted.height * scale) / 2;
}

function within(value: number, slack: number): number {
  // No -0, which would be another transform than 0 to a comparison.
  return Math.min(slack, Math.max(-slack, value)) || 0;
}
