/** What a process and its children have used: seconds of processor, mebibytes of memory. From /proc: Linux only. */
import { readdirSync, readFileSync } from 'node:fs';

const TICKS_A_SECOND = 100;

type Stat = { parent: number; ticks: number };

function statOf(pid: number): Stat | null {
  try {
    const text = readFileSync(`/proc/${pid}/stat`, 'latin1');
    const fields = text
      .slice(text.lastIndexOf(')') + 2)
      .split(' ')
      .map(Number);
    const [, parent = 0, , , , , , , , , , user = 0, system = 0, endedUser = 0, endedSystem = 0] = fields;
    return { parent, ticks: user + system + endedUser + endedSystem };
  } catch {
    return null;
  }
}

/** Of the process, its living children, and those that ended. */
export function cpuSeconds(root: number): number {
  const stats = new Map<number, Stat>();
  for (const name of readdirSync('/proc')) {
    const stat = /^\d+$/.test(name) ? statOf(Number(name)) : null;
    if (stat !== null) stats.set(Number(name), stat);
  }
  const isOurs = (pid: number): boolean => pid === root || (pid > 1 && isOurs(stats.get(pid)?.parent ?? 0));
  let ticks = 0;
  for (const [pid, stat] of stats) if (isOurs(pid)) ticks += stat.ticks;
  return ticks / TICKS_A_SECOND;
}
