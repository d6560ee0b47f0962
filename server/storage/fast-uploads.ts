/** Remembers of which uploads the last body came fast: the next one of theirs begins with a block, and not through the page cache. */

/** The oldest is forgotten first, and begins as any other. */
const MAX_REMEMBERED = 1000;

export class FastUploads {
  private readonly places = new Set<string>();

  has(place: string): boolean {
    return this.places.has(place);
  }

  note(place: string, isFast: boolean): void {
    this.places.delete(place);
    if (!isFast) return;
    const oldest = this.places.size >= MAX_REMEMBERED ? this.places.values().next().value : undefined;
    if (oldest !== undefined) this.places.delete(oldest);
    this.places.add(place);
  }
}
