/** How much of a body an upload may hold in memory before it stores it, so that all together keep within one budget. */

/** Below this nobody is pressed, however many there are: smaller objects would be mostly requests. */
const MIN_HELD_BYTES = 256 * 1024;

export type MemoryShare = {
  /** What one of those who hold bytes now may hold. */
  heldBytes(): number;
  /** One more holds bytes. @returns what ends that, once */
  enter(): () => void;
};

/** Each gets the same: a slow phone that holds its share cannot keep others from going on. */
export function createMemoryShare(budgetBytes: number): MemoryShare {
  let holders = 0;
  return {
    heldBytes: () => Math.max(MIN_HELD_BYTES, Math.floor(budgetBytes / Math.max(1, holders))),
    enter() {
      holders += 1;
      let left = false;
      return () => {
        if (!left) holders -= 1;
        left = true;
      };
    },
  };
}
