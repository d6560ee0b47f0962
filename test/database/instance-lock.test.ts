/** One process for each data folder: the second is told why, and a killed one leaves no lock behind. */
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync } from 'node:fs';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { isInstanceRunning, takeInstanceLock } from '../../server/database/instance-lock.ts';

const MODULE = new URL('../../server/database/instance-lock.ts', import.meta.url).href;
let folder = '';
const children: ChildProcess[] = [];
const take = (...folders: string[]) => takeInstanceLock(...folders);
beforeEach(async () => {
  folder = join(await mkdtemp(join(tmpdir(), 'chatdrop-lock-')), 'data');
});
afterEach(async () => {
  for (const child of children.splice(0)) child.kill('SIGKILL');
  await rm(join(folder, '..'), { recursive: true });
});

test('a second one is refused with what to do, and let in after the first has released it', () => {
  const first = take(folder);
  expect(() => take(folder)).toThrow(
    `Another Chatdrop is running on ${folder}. Stop it first, or set another DATA_DIR.`,
  );
  first.release();
  take(folder).release();
});

test('another process is refused; kill -9 frees the lock', async () => {
  const holder = await holdInAnotherProcess();
  expect(() => take(folder)).toThrow('Another Chatdrop is running');
  holder.kill('SIGKILL');
  await once(holder, 'exit');
  take(folder).release();
});

test('two folders do not know of each other', () => {
  const first = take(folder);
  const second = take(join(folder, 'other'));
  first.release();
  second.release();
});

test('all folders are held or none: one that is taken lets the others go', () => {
  const other = join(folder, 'other');
  const first = take(other);
  expect(() => take(folder, other)).toThrow(`Another Chatdrop is running on ${other}`);
  first.release();
  // One folder may stand for two: database and files in one place.
  const both = take(folder, other, folder);
  expect(() => take(other)).toThrow('Another Chatdrop is running');
  both.release();
});

test('who only looks sees whether another process holds it, makes nothing, and keeps nobody out', async () => {
  expect([isInstanceRunning(folder), existsSync(folder)]).toEqual([false, false]);
  const holder = await holdInAnotherProcess();
  expect([isInstanceRunning(folder), isInstanceRunning(join(folder, 'other'), folder)]).toEqual([true, true]);
  expect(() => take(folder)).toThrow('Another Chatdrop is running');
  holder.kill('SIGKILL');
  await once(holder, 'exit');
  expect(isInstanceRunning(folder)).toBe(false);
  take(folder).release();
});

test('a lock file that cannot be used is not taken for a running server', async () => {
  take(folder).release();
  await writeFile(
    join(folder, 'instance.lock'),
    'this is no SQLite file, and longer than its header of one hundred bytes'.repeat(20),
  );
  expect(() => take(folder)).toThrow();
  expect(() => take(folder)).not.toThrow('Another Chatdrop is running');
});

async function holdInAnotherProcess(): Promise<ChildProcess> {
  const script = `const { takeInstanceLock } = await import(${JSON.stringify(MODULE)});
    globalThis.held = takeInstanceLock(${JSON.stringify(folder)});
    console.log('held'); setInterval(() => {}, 1000);`;
  const child = spawn(process.execPath, ['--input-type=module', '--eval', script], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  children.push(child);
  await Promise.race([
    once(child.stdout, 'data'),
    once(child, 'exit').then(() => Promise.reject(new Error('the other process ended'))),
  ]);
  return child;
}
