/** Rounds in turn: each server does the same work, and each pair of one round gives one ratio. */
import { execFileSync } from 'node:child_process';
import { readdirSync, statSync, truncateSync } from 'node:fs';
import path from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { cpuSeconds, forgetPeak, peakMebibytes } from './process-cost.ts';
import { type Measured, type ServerName, startServer } from './servers.ts';
import type { SelfFigures } from './watched.ts';
import type { Bench } from './work.ts';

export type Sample = {
  seconds: number;
  /** Seconds of processor of the server and its children, what they did afterwards for this work among them. */
  cpu: number;
  /** The most memory that they held. */
  mebibytes: number;
  self: SelfFigures | null;
};

/** What one server did, a sample for each round. */
export type Turns = { name: string; samples: Sample[] };

export type Bring = (server: Measured) => Promise<void>;

const IDLE_LOOK_MS = 200;
/** A server is quiet in a look if it has used no more than this: one tick of the clock that it is counted by. */
const IDLE_CPU_SECONDS = 0.011;
/** Idle is who was quiet in so many looks: what is put off for a second is not missed. */
const QUIET_LOOKS = 6;
/** Then it goes on: who never rests is counted with all that it does. */
const MAX_IDLE_WAIT_MS = 60_000;
/** Of such files only the name stays after a round: a work of many rounds would fill the disk. */
const LARGE_FILE_BYTES = 4 * 1024 * 1024;
const DATABASE_FILE = /\.sqlite(?:-wal|-shm)?$|^chatdrop\./;

/** `plain` is measured whether it is named or not. */
export async function compare(
  bring: Bring,
  names: readonly ServerName[],
  bench: Bench,
  warmUps = 1,
  leadIn?: Bring,
): Promise<Turns[]> {
  const servers: Measured[] = [];
  try {
    for (const name of new Set<ServerName>(['plain', ...names])) servers.push(await startServer(name));
    return await takeTurns(bring, servers, bench, warmUps, leadIn);
  } finally {
    for (const server of servers) await server.stop();
  }
}

/**
 * The first is the one that the others are compared with. The rounds that warm up are not among the samples: until V8 has
 * compiled what is hot, a server costs twice what it costs for the rest of its life.
 * @param leadIn what each does before each sample, which is not counted either
 */
export async function takeTurns(
  bring: Bring,
  servers: readonly Measured[],
  bench: Bench,
  warmUps = 1,
  leadIn?: Bring,
): Promise<Turns[]> {
  const turns: Turns[] = servers.map(({ name }) => ({ name, samples: [] }));
  for (let round = 1 - warmUps; round <= bench.rounds; round += 1) {
    for (const at of orderOf(round, servers.length)) {
      const server = servers[at] as Measured;
      bench.progress(`${round < 1 ? 'warm-up' : `round ${round} of ${bench.rounds}`}, ${server.name}`);
      const sample = await measure(bring, server, servers, leadIn);
      if (round > 0) turns[at]?.samples.push(sample);
    }
    for (const { folder } of servers) emptyLargeFiles(folder);
  }
  return turns;
}

/** Who comes first changes with each round, and who comes after whom: every second one goes backwards. */
function orderOf(round: number, count: number): number[] {
  const turn = Math.abs(round);
  const order = Array.from({ length: count }, (_, at) => (at + Math.floor(turn / 2)) % count);
  return turn % 2 === 0 ? order : order.reverse();
}

async function measure(bring: Bring, server: Measured, all: readonly Measured[], leadIn?: Bring): Promise<Sample> {
  await leadIn?.(server);
  execFileSync('sync');
  await untilIdle(all);
  forgetPeak(server.pid);
  await server.watched?.begin();
  const before = cpuSeconds(server.pid);
  const startedAt = performance.now();
  await bring(server);
  const seconds = (performance.now() - startedAt) / 1000;
  const self = (await server.watched?.end()) ?? null;
  execFileSync('sync');
  // What it still does for this work is its own.
  await untilIdle(all);
  return { seconds, cpu: cpuSeconds(server.pid) - before, mebibytes: peakMebibytes(server.pid), self };
}

async function untilIdle(servers: readonly Measured[]): Promise<void> {
  const look = () => servers.map(({ pid }) => cpuSeconds(pid));
  let last = look();
  let quiet = 0;
  for (let waited = 0; waited < MAX_IDLE_WAIT_MS && quiet < QUIET_LOOKS; waited += IDLE_LOOK_MS) {
    await sleep(IDLE_LOOK_MS);
    const current = look();
    quiet = current.every((seconds, at) => seconds - (last[at] ?? 0) <= IDLE_CPU_SECONDS) ? quiet + 1 : 0;
    last = current;
  }
}

/** They are not deleted: to create files soon after many were deleted costs several times as much on some file systems. */
function emptyLargeFiles(folder: string): void {
  for (const entry of readdirSync(folder, { recursive: true, withFileTypes: true })) {
    const file = path.join(entry.parentPath, entry.name);
    if (entry.isFile() && !DATABASE_FILE.test(entry.name) && statSync(file).size >= LARGE_FILE_BYTES)
      truncateSync(file);
  }
}
