/** Fingers, mouse and wheel on one element, as what they mean: drag, pinch, tap, double tap. */
import type { Point } from './zoom.ts';

/** All points in CSS pixels from the middle of the element, all moves since the last call. */
export type GestureHandlers = {
  /** `total` since the pointer went down. The mouse drags too. */
  onDrag(move: Point, total: Point, pointerType: string): void;
  /** `speedX` in CSS pixels per millisecond, of the last moments. */
  onDragEnd(total: Point, speedX: number): void;
  /** The fingers' middle moves as well. */
  onPinch(factor: number, middle: Point, move: Point): void;
  onTap(point: Point): void;
  onDoubleTap(point: Point): void;
  /** `factor` over 1: larger. */
  onWheel(factor: number, point: Point): void;
};

/** Less than this is a finger that trembles. */
const SLOP_PX = 8;
const DOUBLE_TAP_MS = 320;
const DOUBLE_TAP_PX = 32;
/** The speed at the end is that of the moves since this long. */
const SPEED_WINDOW_MS = 100;
/** How much of a wheel's step counts; trackpads that pinch send `ctrlKey` and small steps. */
const WHEEL_FACTOR = 0.0015;
const PINCH_WHEEL_FACTOR = 0.01;
const MAX_WHEEL_STEP = 240;

/** Listens until the answer is called. What begins on a button, a link or a video's controls is left to them. */
export function followGestures(element: HTMLElement, handlers: GestureHandlers): () => void {
  const pointers = new Map<number, { start: Point; now: Point }>();
  let isDragging = false;
  let hasPinched = false;
  let lastTap: { at: number; point: Point } | null = null;
  let trail: { at: number; x: number }[] = [];

  function pointOf(event: MouseEvent): Point {
    const { left, top, width, height } = element.getBoundingClientRect();
    return { x: event.clientX - left - width / 2, y: event.clientY - top - height / 2 };
  }

  function onDown(event: PointerEvent): void {
    if (event.button !== 0 || (event.target as Element).closest('button, a, video, .voice')) return;
    const point = pointOf(event);
    if (pointers.size === 0) {
      isDragging = false;
      hasPinched = false;
      trail = [];
    }
    pointers.set(event.pointerId, { start: point, now: point });
    if (pointers.size === 2) hasPinched = true;
  }

  function onMove(event: PointerEvent): void {
    const pointer = pointers.get(event.pointerId);
    if (!pointer) return;
    const before = pointer.now;
    const now = pointOf(event);
    if (pointers.size === 2) pinch(event.pointerId, before, now);
    pointer.now = now;
    if (pointers.size > 1) return;
    const total = minus(now, pointer.start);
    if (!isDragging && !hasPinched && Math.hypot(total.x, total.y) > SLOP_PX) {
      isDragging = true;
      // From here on also outside of the element, and no click at the end.
      element.setPointerCapture(event.pointerId);
    }
    if (!isDragging && !hasPinched) return;
    trail = [...trail.filter(({ at }) => event.timeStamp - at < SPEED_WINDOW_MS), { at: event.timeStamp, x: now.x }];
    handlers.onDrag(minus(now, before), total, event.pointerType);
  }

  function pinch(movedId: number, before: Point, now: Point): void {
    const other = [...pointers].find(([id]) => id !== movedId)?.[1].now;
    if (!other) return;
    const factor = distance(now, other) / Math.max(1, distance(before, other));
    handlers.onPinch(factor, middleOf(now, other), minus(middleOf(now, other), middleOf(before, other)));
  }

  function onUp(event: PointerEvent): void {
    const pointer = pointers.get(event.pointerId);
    if (!pointer) return;
    pointers.delete(event.pointerId);
    if (pointers.size > 0) {
      // The finger that stays starts anew: its way so far was the pinch's.
      for (const rest of pointers.values()) rest.start = rest.now;
      return;
    }
    const total = minus(pointer.now, pointer.start);
    if (isDragging || hasPinched)
      handlers.onDragEnd(hasPinched ? { x: 0, y: 0 } : total, hasPinched ? 0 : speed(event.timeStamp));
    else if (event.type === 'pointerup') tap(pointer.now, event.timeStamp);
  }

  function speed(nowMs: number): number {
    const [first] = trail.filter(({ at }) => nowMs - at < SPEED_WINDOW_MS);
    const last = trail.at(-1);
    return first && last && last.at > first.at ? (last.x - first.x) / (last.at - first.at) : 0;
  }

  function tap(point: Point, at: number): void {
    const isSecond =
      lastTap !== null && at - lastTap.at < DOUBLE_TAP_MS && distance(point, lastTap.point) < DOUBLE_TAP_PX;
    lastTap = isSecond ? null : { at, point };
    if (isSecond) handlers.onDoubleTap(point);
    else handlers.onTap(point);
  }

  function onWheel(event: WheelEvent): void {
    if ((event.target as Element).closest('video')) return;
    event.preventDefault();
    const step = Math.max(-MAX_WHEEL_STEP, Math.min(MAX_WHEEL_STEP, event.deltaY * (event.deltaMode === 1 ? 16 : 1)));
    handlers.onWheel(Math.exp(-step * (event.ctrlKey ? PINCH_WHEEL_FACTOR : WHEEL_FACTOR)), pointOf(event));
  }

  element.addEventListener('pointerdown', onDown);
  element.addEventListener('pointermove', onMove);
  element.addEventListener('pointerup', onUp);
  element.addEventListener('pointercancel', onUp);
  element.addEventListener('wheel', onWheel, { passive: false });
  return () => {
    element.removeEventListener('pointerdown', onDown);
    element.removeEventListener('pointermove', onMove);
    element.removeEventListener('pointerup', onUp);
    element.removeEventListener('pointercancel', onUp);
    element.removeEventListener('wheel', onWheel);
  };
}

function minus(one: Point, other: Point): Point {
  return { x: one.x - other.x, y: one.y - other.y };
}

function middleOf(one: Point, other: Point): Point {
  return { x: (one.x + other.x) / 2, y: (one.y + other.y) / 2 };
}

function distance(one: Point, other: Point): number {
  return Math.hypot(one.x - other.x, one.y - other.y);
}
