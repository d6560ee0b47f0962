/** Brings the stylesheet of this part, which is loaded later, into the shadow root where it stands. */
import type { RefObject } from '@uppy/core/utils/preact';
import { useLayoutEffect } from '@uppy/core/utils/preact/hooks';
import { addStyles } from '../ui/add-styles.ts';
import { css } from './adding.css?text';

/** Before the first paint. */
export function useSheet(element: RefObject<HTMLElement>): void {
  useLayoutEffect(() => addStyles(element.current?.getRootNode() as ShadowRoot, css), [element]);
}
