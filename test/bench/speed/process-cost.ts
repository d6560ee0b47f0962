/** What a process and its children have used: seconds of processor, mebibytes of memory. From /proc: Linux only. */
import { readdirSync, readFileSync, writeFileSync } from 'node:fs';

const TICKS_A_SECOND = 100;
/** What the kernel is told to begin its count of a process' most memory anew. */
const FORGET_PEAK = '5';

type Stat = { parent: number; ticks: number };

/** Of the process, its living children, and those that ended. */
export function cpuSeconds(root: number): number {
  let ticks = 0;
  for (const { ticks: own } of familyOf(root).values()) ticks += own;
  return ticks / TICKS_A_SECOND;
}

/** The most that each of them held since `forgetPeak`, in all. */
export function peakMebibytes(root: number): number {
  let kibibytes = 0;
  for (const pid of familyOf(root).keys())
    kibibytes += Number(/^VmHWM:\s+(\d+) kB$/m.exec(textOf(pid, 'status'))?.[1] ?? 0);
  return kibibytes / 1024;
}

export function forgetPeak(root: number): void {
  for (const pid of familyOf(root).keys()) writeFileSync(`/proc/${pid}/clear_refs`, FORGET_PEAK);
}

function familyOf(root: number): Map<number, Stat> {
  const stats = new Map<number, Stat>();
  for (const name of readdirSync('/proc')) {
    const stat = /^\d+$/.test(name) ? statOf(Number(name)) : null;
    if (stat !== null) stats.set(Number(name), stat);
  }
  const isOfFamily = (pid: number): boolean => pid === root || (pid > 1 && isOfFamily(stats.get(pid)?.parent ?? 0));
  return new Map([...stats].filter(([pid]) => isOfFamily(pid)));
}

function statOf(pid: number): Stat | null {
  const text = textOf(pid, 'stat');
  if (text === '') return null;
  const fields = text
    .slice(text.lastIndexOf(')') + 2)
    .split(' ')
    .map(Number);
  const [, parent = 0, , , , , , , , , , user = 0, system = 0, endedUser = 0, endedSystem = 0] = fields;
  return { parent, ticks: user + system + endedUser + endedSystem };
}

/** Empty when the process has ended meanwhile. */
function textOf(pid: number, file: string): string {
  try {
    return readFileSync(`/proc/${pid}/${file}`, 'latin1');
  } catch {
    return '';
  }
}
