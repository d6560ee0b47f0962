/** More height for the viewer where it stands in an iframe that is as low as its few files. */

const WANTED_HEIGHT_PX = 440;

/** The frame measures what is in it, and its page follows; up to the height that the page allows. The answer gives it back. */
export function askForRoom(pane: HTMLElement | null): () => void {
  if (parent === window || !pane || innerHeight >= WANTED_HEIGHT_PX) return () => {};
  const allowed = Number.parseFloat(getComputedStyle(pane).maxHeight);
  pane.style.minHeight = `${Math.min(WANTED_HEIGHT_PX, Number.isFinite(allowed) ? allowed : WANTED_HEIGHT_PX)}px`;
  return () => {
    pane.style.minHeight = '';
  };
}
