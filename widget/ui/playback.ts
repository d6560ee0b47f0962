/** One player at a time: whichever starts stops the one before it, also in another widget on the page. */

let current: HTMLMediaElement | null = null;

/** To be called by each player's `play` event. */
export function onlyThisPlays(event: { currentTarget: HTMLMediaElement }): void {
  const player = event.currentTarget;
  if (current !== null && current !== player) current.pause();
  current = player;
}
