/** What a client asks for, one after the other, each when there is room: who asks a hundred times and reads nothing gets one answer. */
import type { Wire } from './wire.ts';

export type InTurn = <T>(work: () => Promise<T>) => Promise<T>;

const NOTHING = () => {};

export function createTurns(wire: Pick<Wire, 'isFull' | 'drained'>): InTurn {
  let last: Promise<void> = Promise.resolve();
  return (work) => {
    const turn = last.then(async () => {
      if (wire.isFull()) await wire.drained();
      return work();
    });
    // Without what came of it, which would be kept until the next turn.
    last = turn.then(NOTHING, NOTHING);
    return turn;
  };
}
