/** What a client asks for, one after the other, each when there is room: who asks a hundred times and reads nothing gets one answer. */
import type { Wire } from './wire.ts';

export type InTurn = <T>(work: () => Promise<T>) => Promise<T>;

export function createTurns(wire: Pick<Wire, 'isFull' | 'drained'>): InTurn {
  let last: Promise<unknown> = Promise.resolve();
  return (work) => {
    const turn = last.then(async () => {
      if (wire.isFull()) await wire.drained();
      return work();
    });
    last = turn.catch(() => {});
    return turn;
  };
}
