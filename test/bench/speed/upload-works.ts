/** Works a to e: files are brought to the servers in turn, until all of them are there and told of. */
import { io } from 'socket.io-client';
import { pngFile } from '../../services/fixtures.ts';
import { compare } from './compare.ts';
import { packageVersion } from './machine.ts';
import { nginxVersion } from './nginx-peer.ts';
import { BLOCK_BYTES, RawConnection } from './raw-http.ts';
import { type Measured, SERVER_NAMES, type ServerName } from './servers.ts';
import { pictureInTwo, type SendPicture, UPLOAD_CLIENTS } from './upload-clients.ts';
import { figuresOf } from './upload-figures.ts';
import type { Bench, Target, Work } from './work.ts';

const MIB = BLOCK_BYTES;
const SMALL = pngFile({ bytes: 25_000, width: 16, height: 16 });
const AT_ONCE = 16;
const FILES = 2000;
/**
 * Of small files: eighteen thousand each, with those of the lead-in, until the code of each server is compiled. Chatdrop's, which is
 * more, took 0.79, 0.60, 0.57 and 0.53 ms a file in its second to fifth four thousand.
 */
const WARM_UPS = 6;
/**
 * Files before each sample that are not counted. Who waited for the turns of four others has given memory back and forgotten compiled
 * code: three times as many collections then, and up to twice the time a file, for some a round long and for others not.
 */
const LEAD_IN = 1000;
/**
 * Of small files there are so many times the rounds of other works. Their rounds are short, and what others on the same host do for some
 * seconds falls on one server of a pair: the medians of seven were between 1.18 and 1.84 for the same code.
 */
const SMALL_ROUNDS = 3;
/** What a quick run does of it. */
const QUICK_SHARE = 1 / 16;

type UploadWork = {
  id: string;
  title: string;
  servers: readonly ServerName[];
  targets: readonly Target[];
  /** How much one round is, in the unit. */
  amount: number;
  unit: 'MiB' | 'files';
  /** One if not set. */
  warmUps?: number;
  /** Brought before each sample; none if not set. */
  leadIn?: number;
  /** Times those that are asked for; once if not set. */
  rounds?: number;
  bring(server: Measured, amount: number): Promise<void>;
};

const WITHOUT_TUS_TWICE = SERVER_NAMES.filter((name) => name !== 'chatdrop');
const TUS_ONLY = ['plain', 'chatdrop without fsync'] as const;

const WORKS: readonly UploadWork[] = [
  {
    id: 'a',
    title: '1 GiB in one PATCH',
    servers: SERVER_NAMES,
    targets: [...ratios([2.3, 2.7], [0.45, 0.4]), throughput('chatdrop', [1.5, 2])],
    amount: 1024,
    unit: 'MiB',
    bring: (server, mebibytes) => film(server, 0, mebibytes * MIB, mebibytes * MIB),
  },
  {
    id: 'b',
    title: '1 GiB in PATCHes of 8 MiB',
    servers: WITHOUT_TUS_TWICE,
    targets: [
      ...ratios([2.2, 2.9], [0.5, 0.35]),
      { what: 'full collections', of: 'chatdrop without fsync', unit: 'a GiB', better: 'less', goal: 10 },
    ],
    amount: 1024,
    unit: 'MiB',
    bring: (server, mebibytes) => film(server, 0, mebibytes * MIB, 8 * MIB),
  },
  {
    id: 'c',
    title: '8 × 128 MiB at once',
    servers: WITHOUT_TUS_TWICE,
    targets: ratios([2, 2.3], [0.5, 0.42]),
    amount: 1024,
    unit: 'MiB',
    bring: async (server, mebibytes) => {
      const bytes = (mebibytes / 8) * MIB;
      await Promise.all(Array.from({ length: 8 }, (_, nth) => film(server, nth, bytes, bytes)));
    },
  },
  {
    id: 'd',
    title: '25 KB, creation-with-upload, 16 at once',
    servers: SERVER_NAMES,
    targets: [...ratios([1.5, 3.3], [0.7, 0.25]), throughput('chatdrop', [1, 2])],
    amount: FILES,
    unit: 'files',
    warmUps: WARM_UPS,
    leadIn: LEAD_IN,
    rounds: SMALL_ROUNDS,
    bring: (server, files) => pictures(server, files, UPLOAD_CLIENTS[server.protocol].picture),
  },
  {
    id: 'e',
    title: '25 KB, POST and PATCH, 16 at once',
    servers: TUS_ONLY,
    targets: ratios([1.5, 3.5], [0.7, 0.25]),
    amount: FILES,
    unit: 'files',
    warmUps: WARM_UPS,
    leadIn: LEAD_IN,
    rounds: SMALL_ROUNDS,
    bring: (server, files) => pictures(server, files, pictureInTwo),
  },
];

/** Those of the command line instead of a work's own; `plain` is always among them. */
export function uploadWorks(servers: readonly ServerName[] | null): Work[] {
  return WORKS.map((work) => ({
    id: work.id,
    title: work.title,
    targets: work.targets,
    async run(bench) {
      const amount = bench.quick ? Math.max(8, work.amount * QUICK_SHARE) : work.amount;
      const rounds = bench.rounds * (bench.quick ? 1 : (work.rounds ?? 1));
      const bring = (server: Measured) => work.bring(server, amount);
      const { leadIn } = work;
      const before =
        leadIn === undefined ? undefined : (server: Measured) => work.bring(server, Math.min(leadIn, amount));
      const turns = await compare(bring, servers ?? work.servers, { ...bench, rounds }, work.warmUps, before);
      noteVersions(bench);
      return figuresOf(turns, { amount, unit: work.unit }, work.targets);
    },
  }));
}

function noteVersions({ version }: Bench): void {
  version('@tus/server', packageVersion('@tus/server'));
  version('@tus/file-store', packageVersion('@tus/file-store'));
  version('multer', packageVersion('multer'));
  version('nginx', nginxVersion());
}

/** Against `plain`, neither with fsync: [floor, goal] each. */
function ratios(speed: [number, number], cpu: [number, number]): Target[] {
  const of = 'chatdrop without fsync';
  return [throughput(of, speed), { what: 'CPU', of, unit: '× plain', better: 'less', floor: cpu[0], goal: cpu[1] }];
}

function throughput(of: ServerName, [floor, goal]: [number, number]): Target {
  return { what: 'throughput', of, unit: '× plain', better: 'more', floor, goal };
}

export async function film(server: Measured, nth: number, bytes: number, requestBytes: number): Promise<void> {
  const connection = new RawConnection(server.port);
  await UPLOAD_CLIENTS[server.protocol].film(server, connection, nth, bytes, requestBytes);
  connection.close();
}

/** All are sent, and the other side has heard of each. */
export async function pictures(server: Measured, count: number, send: SendPicture): Promise<void> {
  const { all: told } = await countEvents(server, count);
  let next = 0;
  const sender = async () => {
    const connection = new RawConnection(server.port);
    while (next < count) await send(server, connection, next++, SMALL);
    connection.close();
  };
  await Promise.all(Array.from({ length: AT_ONCE }, sender));
  await told;
}

/** Once an agent is connected who follows the company: `all` resolves when it heard of that many files. */
async function countEvents({ agentToken, port }: Measured, count: number): Promise<{ all: Promise<void> }> {
  if (agentToken === null) return { all: Promise.resolve() };
  const socket = io(`http://127.0.0.1:${port}`, { auth: { token: agentToken }, transports: ['websocket'] });
  let left = count;
  const all = new Promise<void>((resolve, reject) => {
    socket.on('file_shared', () => {
      left -= 1;
      if (left === 0) resolve();
    });
    socket.on('disconnect', () => left > 0 && reject(new Error('the events ended')));
  });
  const told = all.finally(() => socket.close());
  // Whoever waits has it too; but a fault of the uploads ends the server, and is the one to tell.
  told.catch(() => {});
  await new Promise((resolve) => socket.once('connection_established', resolve));
  await socket.emitWithAck('follow', {});
  return { all: told };
}
