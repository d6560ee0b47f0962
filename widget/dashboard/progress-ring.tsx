/** How far something is, as a ring around what it is about. */
import type { ComponentChildren } from '@uppy/core/utils/preact';

const RADIUS = 23;
const LENGTH = 2 * Math.PI * RADIUS;

/** Decoration: the percent stands beside it as text. `percent` null: nothing is on its way. */
export function ProgressRing({ percent, children }: { percent: number | null; children: ComponentChildren }) {
  return (
    <span class="ring">
      {children}
      {percent !== null && (
        <svg viewBox="0 0 50 50" aria-hidden="true" focusable="false">
          <circle class="ring-track" cx="25" cy="25" r={RADIUS} />
          <circle
            class="ring-value"
            cx="25"
            cy="25"
            r={RADIUS}
            stroke-dasharray={LENGTH}
            stroke-dashoffset={LENGTH * (1 - percent / 100)}
          />
        </svg>
      )}
    </span>
  );
}
