/** Whether this machine lets the tests mount a file system in a namespace of their own. */
import { execFile } from 'node:child_process';
import { promisify } from 'node:util';

const run = promisify(execFile);
const TIMEOUT_MS = 60_000;

/**
 * False, with the reason printed, where it does not; with `CI=true` that is an error: a missing part fails.
 * `tmpfs` needs root or user namespaces, `loop` (an image as a disk) and
 * `root` (a tree of its own as the root folder, and other users in it) need root.
 */
export async function mayMount(what: 'tmpfs' | 'loop' | 'root'): Promise<boolean> {
  const reason = await whyNot(what);
  if (reason === null) return true;
  const message = `These tests mount file systems (${what}), and cannot: ${reason}. Run them on Linux as root.`;
  if (process.env.CI === 'true') throw new Error(message);
  console.warn(message);
  return false;
}

async function whyNot(what: 'tmpfs' | 'loop' | 'root'): Promise<string | null> {
  if (process.platform !== 'linux') return 'this is not Linux';
  const isRoot = process.getuid?.() === 0;
  if (what !== 'tmpfs' && !isRoot) return 'that is for root only';
  const script =
    what === 'loop' ? 'command -v mkfs.ext4 >/dev/null && test -e /dev/loop-control' : 'mount -t tmpfs none /mnt';
  try {
    await run('/usr/bin/unshare', [isRoot ? '-m' : '-rm', '/bin/sh', '-c', script], { timeout: TIMEOUT_MS });
    return null;
  } catch (error) {
    return (error as Error).message.trim();
  }
}
