/** What fingers, mouse, wheel and keys do to the picture that is looked at: turn over, zoom, move. */
import { useLayoutEffect, useRef, useState } from '@uppy/core/utils/preact/hooks';
import type { ChatFile } from '../../server/contract/chat-file.ts';
import { shownAs } from '../ui/file-kind.ts';
import { followGestures, type GestureHandlers } from './gestures.ts';
import { bounded, FITTED, fittedSize, isOn, maxScale, type Point, type Size, type View, zoomedAt } from './zoom.ts';

const KEY_ZOOM = 1.5;
const DOUBLE_TAP_SCALE = 2.5;
/** An arrow key moves a zoomed picture this part of the stage. */
const KEY_PAN = 0.2;
/** A swipe turns over after this part of the width, or when it is this fast (CSS pixels per millisecond). */
const TURN_PART = 0.22;
const TURN_SPEED = 0.45;
/** At either end the finger is followed only this much. */
const RUBBER = 0.3;
const MIDDLE: Point = { x: 0, y: 0 };

export function useStage(needs: {
  file: ChatFile | undefined;
  index: number;
  count: number;
  onStep: (by: number) => void;
  onBackground: () => void;
}) {
  const { file, index, count } = needs;
  const element = useRef<HTMLDivElement>(null);
  const [stage, setStage] = useState<Size>({ width: 1, height: 1 });
  const [isRtl, setIsRtl] = useState(false);
  const [sizes, setSizes] = useState<Record<number, Size>>({});
  const [view, setView] = useState<View>(FITTED);
  const [drag, setDrag] = useState(0);
  const [isMoving, setIsMoving] = useState(false);

  const size = file ? sizeOf(file, sizes) : null;
  const fitted = size ? fittedSize(size, stage) : null;
  const largest = size && fitted ? maxScale(size, fitted) : 1;
  const canZoom = file !== undefined && shownAs(file) === 'picture' && fitted !== null;
  const isZoomed = view.scale > 1;
  const sign = isRtl ? -1 : 1;

  function change(make: (before: View) => View): void {
    if (canZoom && fitted) setView((before) => bounded(make(before), fitted, stage, largest));
  }

  const zoomBy = (factor: number, point = MIDDLE) => change((before) => zoomedAt(before, point, before.scale * factor));
  const panBy = ({ x, y }: Point) => change((before) => ({ ...before, x: before.x + x, y: before.y + y }));

  const handlers: GestureHandlers = {
    onDrag(move, total, pointerType) {
      setIsMoving(true);
      if (isZoomed) return panBy(move);
      // A mouse has the buttons; dragging with it is for text and pictures elsewhere.
      if (pointerType === 'mouse') return;
      const isAtEnd = total.x * sign > 0 ? index === 0 : index === count - 1;
      setDrag(isAtEnd ? total.x * RUBBER : total.x);
    },
    onDragEnd(total, speedX) {
      setIsMoving(false);
      setDrag(0);
      if (isZoomed || drag === 0) return;
      const isFar = Math.abs(total.x) > stage.width * TURN_PART;
      const isFast = Math.abs(speedX) > TURN_SPEED && speedX * total.x > 0;
      if (isFar || isFast) needs.onStep(total.x * sign < 0 ? 1 : -1);
    },
    onPinch(factor, middle, move) {
      setIsMoving(true);
      setDrag(0);
      change((before) =>
        zoomedAt({ ...before, x: before.x + move.x, y: before.y + move.y }, middle, before.scale * factor),
      );
    },
    onTap(point) {
      const isOnPicture = fitted !== null ? isOn(view, fitted, point) : canShowAnywhere(file);
      if (!isOnPicture) needs.onBackground();
    },
    onDoubleTap(point) {
      if (isZoomed) setView(FITTED);
      else zoomBy(DOUBLE_TAP_SCALE, point);
    },
    onWheel: zoomBy,
  };
  const newest = useRef(handlers);
  newest.current = handlers;

  useLayoutEffect(() => {
    setView(FITTED);
    setDrag(0);
  }, [file?.id]);

  // Turned round, made larger, or known better: what was in bounds may not be any more.
  useLayoutEffect(() => change((before) => before), [stage.width, stage.height, largest]);

  // As soon as it is seen, and measured: the first finger, wheel or key may come at once.
  useLayoutEffect(() => {
    const target = element.current;
    if (!target) return;
    setIsRtl(getComputedStyle(target).direction === 'rtl');
    const measure = () => setStage({ width: target.clientWidth, height: target.clientHeight });
    const observer = new ResizeObserver(measure);
    observer.observe(target);
    measure();
    const stop = followGestures(target, {
      onDrag: (...event) => newest.current.onDrag(...event),
      onDragEnd: (...event) => newest.current.onDragEnd(...event),
      onPinch: (...event) => newest.current.onPinch(...event),
      onTap: (...event) => newest.current.onTap(...event),
      onDoubleTap: (...event) => newest.current.onDoubleTap(...event),
      onWheel: (...event) => newest.current.onWheel(...event),
    });
    return () => {
      observer.disconnect();
      stop();
    };
  }, []);

  /** True when the key was one of these. Arrows move a zoomed picture; else they turn over. */
  function onKey(key: string): boolean {
    const arrows: Record<string, Point> = {
      ArrowLeft: { x: stage.width * KEY_PAN, y: 0 },
      ArrowRight: { x: -stage.width * KEY_PAN, y: 0 },
      ArrowUp: { x: 0, y: stage.height * KEY_PAN },
      ArrowDown: { x: 0, y: -stage.height * KEY_PAN },
    };
    const arrow = arrows[key];
    if (isZoomed && arrow) panBy(arrow);
    else if (key === '+' || key === '=') zoomBy(KEY_ZOOM);
    else if (key === '-') zoomBy(1 / KEY_ZOOM);
    else if (key === '0') setView(FITTED);
    else return false;
    return true;
  }

  return {
    element,
    sign,
    canZoom,
    isZoomed,
    onKey,
    zoomIn: () => zoomBy(KEY_ZOOM),
    zoomOut: () => zoomBy(1 / KEY_ZOOM),
    slideProps: (slide: ChatFile) => ({
      stage,
      drag,
      view,
      isMoving,
      size: sizeOf(slide, sizes),
      onSize: (id: number, loaded: Size) => setSizes((before) => ({ ...before, [id]: loaded })),
    }),
  };
}

/** As loaded, else as the server says. */
function sizeOf({ id, width, height }: ChatFile, sizes: Record<number, Size>): Size | null {
  return sizes[id] ?? (width && height ? { width, height } : null);
}

/** A tap on a card must not close, nor one on a picture before its size is known; beside a video one may. */
function canShowAnywhere(file: ChatFile | undefined): boolean {
  return file !== undefined && shownAs(file) !== 'video';
}
