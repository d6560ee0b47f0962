/** Rounds in turn: each server does the same work, and each pair of one round gives one ratio. */
import { execFileSync } from 'node:child_process';
import { setTimeout as sleep } from 'node:timers/promises';
import { cpuSeconds } from './process-cost.ts';
import type { Measured } from './servers.ts';
import type { Work } from './works.ts';

export type Sample = { seconds: number; cpu: number };

const IDLE_LOOK_MS = 200;
/** A server is idle when a look later it has used no more than this. */
const IDLE_CPU_SECONDS = 0.011;
const MAX_IDLE_WAIT_MS = 60_000;

/** Of each server, a sample for each round. The first round warms up and is not among them. */
export async function compare(work: Work, servers: readonly Measured[], rounds: number): Promise<Sample[][]> {
  const samples: Sample[][] = servers.map(() => []);
  for (let round = 0; round <= rounds; round += 1) {
    // Who comes first in a round changes with each.
    const order = servers.map((_, at) => (at + round) % servers.length);
    for (const at of order) {
      const sample = await measure(work, servers[at] as Measured);
      if (round > 0) samples[at]?.push(sample);
    }
  }
  return samples;
}

async function measure(work: Work, server: Measured): Promise<Sample> {
  execFileSync('sync');
  await untilIdle(server);
  const before = cpuSeconds(server.pid);
  const startedAt = performance.now();
  await work.run(server);
  const seconds = (performance.now() - startedAt) / 1000;
  // What it still does for this work is its own.
  await untilIdle(server);
  return { seconds, cpu: cpuSeconds(server.pid) - before };
}

async function untilIdle(server: Measured): Promise<void> {
  let last = cpuSeconds(server.pid);
  for (let waited = 0; waited < MAX_IDLE_WAIT_MS; waited += IDLE_LOOK_MS) {
    await sleep(IDLE_LOOK_MS);
    const current = cpuSeconds(server.pid);
    if (current - last <= IDLE_CPU_SECONDS) return;
    last = current;
  }
}
