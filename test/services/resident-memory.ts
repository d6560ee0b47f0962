/** How much memory a process holds, as the system counts it (Linux). */
import { readFileSync } from 'node:fs';

/** Mebibytes. */
export function residentMebibytes(pid: number): number {
  const kibibytes = /^VmRSS:\s+(\d+) kB$/m.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1];
  return Number(kibibytes) / 1024;
}
