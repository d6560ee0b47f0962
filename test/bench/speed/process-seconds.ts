/** The processor's time of one short process, finer than the hundredths of `process-cost.ts`. From /proc: Linux only. */
import { readdirSync, readFileSync } from 'node:fs';

const NANOSECONDS = 1e9;

/** Of all threads that it has now. */
export function processSeconds(pid: number): number {
  const tasks = readdirSync(`/proc/${pid}/task`);
  const spent = tasks.map((task) =>
    Number(readFileSync(`/proc/${pid}/task/${task}/schedstat`, 'latin1').split(' ')[0]),
  );
  return spent.reduce((sum, nanoseconds) => sum + nanoseconds, 0) / NANOSECONDS;
}
