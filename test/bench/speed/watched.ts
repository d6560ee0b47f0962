/** Asks a measured server for what `watch-self.ts` counts in it. */
import { readFileSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';

export type SelfFigures = {
  /** The share of the time in which its event loop had something to do, 0 to 1. */
  busy: number;
  /** How late a timer was. */
  lateP99Ms: number;
  lateMaxMs: number;
  collections: number;
  /** Of these, the ones that walk the whole heap. */
  fullCollections: number;
  collectingMs: number;
};

export type Watched = { begin(): Promise<void>; end(): Promise<SelfFigures> };

const ANSWER_MS = 20_000;
const LOOK_MS = 5;

export function watched(pid: number, file: string): Watched {
  let turn = 0;
  const ask = async (): Promise<SelfFigures | undefined> => {
    turn += 1;
    process.kill(pid, 'SIGUSR2');
    for (let waited = 0; waited < ANSWER_MS; waited += LOOK_MS) {
      const told = read(file);
      if (told?.turn === turn) return told.figures;
      await sleep(LOOK_MS);
    }
    throw new Error('the server does not tell of itself');
  };
  return {
    begin: async () => void (await ask()),
    async end() {
      const figures = await ask();
      if (figures === undefined) throw new Error('the server counted nothing');
      return figures;
    },
  };
}

function read(file: string): { turn: number; figures?: SelfFigures } | null {
  try {
    return JSON.parse(readFileSync(file, 'utf8'));
  } catch {
    return null;
  }
}
