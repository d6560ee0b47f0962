/** Where an upload stands whose bytes have no place in the store. */

/**
 * An upload that is created without bytes gets its place with the first of them: most get all of them at once, and then
 * need none. So no place is offset 0 for one of which nothing was ever acknowledged, and a loss for any other.
 */
export function isUnplaced({ state, bytesReceived }: { state: string; bytesReceived: number }): boolean {
  return state === 'open' && bytesReceived === 0;
}
