/** Pages of a list, one after the other, as one iterator. */

/** `next`: what the next page is asked for by; null: there is none. */
export async function* everyPage<Entry, Next>(
  first: Next,
  ask: (place: Next) => Promise<{ entries: Entry[]; next: Next | null }>,
): AsyncGenerator<Entry, void, undefined> {
  for (let place: Next | null = first; place !== null; ) {
    const { entries, next }: { entries: Entry[]; next: Next | null } = await ask(place);
    yield* entries;
    place = next;
  }
}
