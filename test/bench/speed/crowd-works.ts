/** Works f, i, j, k and l, for the table: what many at once hold, and how soon one hears of a file. */
import { eventLatency } from './event-latency-work.ts';
import type { Figure as Measurement } from './figure.ts';
import { idleSockets, type Transport } from './idle-sockets-work.ts';
import { listsOfPostgres, listsOfSqlite } from './list-work.ts';
import { openUploads } from './open-uploads-work.ts';
import { buildServers, type ServerName } from './servers.ts';
import type { Bench, Figure, Target, Work } from './work.ts';

/** They are no ratios of two, so a few rounds say what more would. */
const MAX_ROUNDS = 3;
const UPLOADS = 1000;
const SECONDS = 20;
const SOCKETS = 10_000;
const FEW_ROWS = 10_000;
const MANY_ROWS = 5_000_000;
const UNSYNCED = 'chatdrop without fsync';

const EACH: Target = { what: 'memory each', unit: 'KiB', better: 'less', floor: 40, goal: 23 };
const SLOWEST: Target = { what: 'p99', unit: 'ms', better: 'less', floor: 25, goal: 8 };
const WHOLE: Target = { what: 'memory', unit: 'MB', better: 'less', floor: 400, goal: 250 };
const FAILED: Target = { what: 'failed', unit: 'uploads', better: 'less', floor: 0, goal: 0 };
const DATABASES = ['SQLite', 'PostgreSQL'] as const;
const growthOf = (of: string): Target => ({
  what: 'p99, many to few',
  of,
  unit: '×',
  better: 'less',
  floor: 2,
  goal: 1.2,
});
const TRANSPORTS: readonly Transport[] = ['Socket.IO', 'plain WebSocket'];
const heldBy = (of: string): Target => ({ what: 'memory', of, unit: 'MB', better: 'less', floor: 350, goal: 220 });
const toAll = (of: string): Target => ({
  what: 'one event to all',
  of,
  unit: 's',
  better: 'less',
  floor: 2,
  goal: 0.8,
});

export const CROWD_WORKS: readonly Work[] = [
  {
    id: 'f',
    title: `memory of each open slow upload, ${UPLOADS} open`,
    targets: [EACH],
    async run(bench) {
      await buildServers();
      const count = scaled(bench, UPLOADS);
      const ours = await repeated(bench, () => openUploads('chatdrop', count));
      const plain = await repeated(bench, () => openUploads('plain', count));
      return [
        { ...EACH, samples: valuesOf(ours, 'each') },
        { what: EACH.what, unit: EACH.unit, better: 'less', of: 'plain', samples: valuesOf(plain, 'each') },
      ];
    },
  },
  {
    id: 'i',
    title: 'last byte to file_shared at the other client, 50 a second',
    targets: [SLOWEST],
    async run(bench) {
      await buildServers();
      const measured = async (of: ServerName) => {
        const runs = await repeated(bench, () => eventLatency(of, scaled(bench, SECONDS)));
        return { p50: valuesOf(runs, 'p50'), p99: valuesOf(runs, 'p99') };
      };
      const [synced, unsynced] = [await measured('chatdrop'), await measured(UNSYNCED)];
      const told = { unit: 'ms', better: 'less' } as const;
      return [
        { ...SLOWEST, samples: synced.p99 },
        { ...told, what: 'p50', samples: synced.p50 },
        { ...told, what: 'p99', of: UNSYNCED, samples: unsynced.p99 },
        { ...told, what: 'p50', of: UNSYNCED, samples: unsynced.p50 },
      ];
    },
  },
  {
    id: 'j',
    title: `list of a session, ${FEW_ROWS} to ${MANY_ROWS} rows`,
    targets: DATABASES.map(growthOf),
    async run(bench) {
      const tables = [FEW_ROWS, bench.quick ? 2 * FEW_ROWS : MANY_ROWS];
      const figures: Figure[] = [];
      for (const of of DATABASES) {
        bench.progress(`filling ${of}, ${tables[1]} rows`);
        const lists = await (of === 'SQLite' ? listsOfSqlite(tables) : listsOfPostgres(tables));
        const [few = 0, many = 0] = lists.filter(({ what }) => what.endsWith('p99')).map(({ value }) => value);
        figures.push({ ...growthOf(of), samples: [many / few] });
        for (const { what, value } of lists) figures.push({ what, of, unit: 'ms', better: 'less', samples: [value] });
      }
      return figures;
    },
  },
  {
    id: 'k',
    title: `${SOCKETS} idle sockets, and one event to all`,
    targets: [...TRANSPORTS.map(heldBy), ...TRANSPORTS.map(toAll)],
    async run(bench) {
      await buildServers();
      const figures: Figure[] = [];
      for (const of of TRANSPORTS) {
        const runs = await repeated(bench, () => idleSockets(of, scaled(bench, SOCKETS)));
        figures.push({ ...heldBy(of), samples: valuesOf(runs, 'the whole server').map(megabytes) });
        figures.push({ ...toAll(of), samples: valuesOf(runs, 'one event to all').map((ms) => ms / 1000) });
        figures.push({ what: 'memory each', of, unit: 'KiB', better: 'less', samples: valuesOf(runs, 'each') });
      }
      return figures;
    },
  },
  {
    id: 'l',
    title: `${UPLOADS} uploads open at once on the whole app`,
    targets: [WHOLE, FAILED],
    async run(bench) {
      await buildServers();
      const runs = await repeated(bench, () => openUploads('chatdrop', scaled(bench, UPLOADS)));
      return [
        { ...WHOLE, samples: valuesOf(runs, 'the whole server').map(megabytes) },
        { ...FAILED, samples: valuesOf(runs, 'failed') },
      ];
    },
  },
];

const scaled = ({ quick }: Bench, amount: number) => (quick ? Math.ceil(amount / 10) : amount);
const megabytes = (mebibytes: number) => (mebibytes * 1024 * 1024) / 1e6;

async function repeated(bench: Bench, run: () => Promise<Measurement[]>): Promise<Measurement[][]> {
  const rounds = Math.min(bench.rounds, MAX_ROUNDS);
  const runs: Measurement[][] = [];
  for (let round = 1; round <= rounds; round += 1) {
    bench.progress(`${round} of ${rounds}`);
    runs.push(await run());
  }
  return runs;
}

/** `what`: the last words of the measurement. */
function valuesOf(runs: readonly Measurement[][], what: string): number[] {
  return runs.map((run) => run.find((each) => each.what.endsWith(`, ${what}`))?.value ?? Number.NaN);
}
