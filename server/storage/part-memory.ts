/** The memory that parts of one body are put together in, each after the other in the same few blocks. */

export type PartMemory = {
  /** All bytes of the chunks in one block. The chunks are empty afterwards, and gone from their list. */
  join(chunks: Buffer[], sizeBytes: number): Buffer;
  /** Nobody reads these bytes any more: what was sent whole, and answered. */
  giveBack(part: Buffer): void;
  /** Nothing more will be joined. */
  end(): void;
};

/**
 * Left to the garbage collector, the blocks of a large body make it collect everything dozens of times for each GiB.
 * @param free gives back the memory of chunks
 */
export function createPartMemory(free: (chunks: readonly Buffer[]) => void): PartMemory {
  let spare: ArrayBuffer[] = [];
  const blockOf = (sizeBytes: number): ArrayBuffer => {
    const block = spare.find(({ byteLength }) => byteLength >= sizeBytes);
    if (block === undefined) return Buffer.allocUnsafeSlow(sizeBytes).buffer;
    spare = spare.filter((other) => other !== block);
    return block;
  };
  return {
    join(chunks, sizeBytes) {
      const part = Buffer.from(blockOf(sizeBytes), 0, sizeBytes);
      let at = 0;
      for (const chunk of chunks) {
        part.set(chunk, at);
        at += chunk.length;
      }
      free(chunks);
      chunks.length = 0;
      return part;
    },
    giveBack({ buffer }) {
      if (buffer instanceof ArrayBuffer) spare.push(buffer);
    },
    end() {
      for (const block of spare) block.transfer(0);
      spare = [];
    },
  };
}
