/** Libraries of other versions go when nobody has used them for long; what somebody uses, or is no library, stays. */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { copyFile, mkdir, mkdtemp, readdir, rm, stat, symlink, utimes, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { removeOldLibraries } from '../../server/embedded/remove-old-libraries.ts';

const NOW = Date.now();
const DAY_MS = 24 * 3_600_000;

let place = '';
beforeEach(async () => {
  place = await mkdtemp(path.join(tmpdir(), 'chatdrop-libraries-'));
});
afterEach(() => rm(place, { recursive: true, force: true }));

const nameOf = (library: string, digit: string) => `${library}-${digit.repeat(16)}`;

async function unpacked(name: string, daysAgo: number): Promise<string> {
  const folder = path.join(place, name);
  await mkdir(folder, { mode: 0o700 });
  await writeFile(path.join(folder, 'addon.node'), 'an addon');
  await age(folder, daysAgo);
  return folder;
}

async function age(folder: string, daysAgo: number): Promise<void> {
  const at = new Date(NOW - daysAgo * DAY_MS);
  await utimes(folder, at, at);
}

test('what was not loaded for a week goes, of either library; what was, what is no library, and where a link leads stays', async () => {
  const used = await unpacked(nameOf('sqlite', 'a'), 30);
  const stays = [nameOf('sqlite', 'b'), nameOf('sharp', 'b'), 'sqlite-of-another-version', 'media', '.new-b'];
  for (const name of stays) await unpacked(name, name.includes('-b') ? 6 : 300);
  for (const name of [nameOf('sqlite', 'c'), nameOf('sharp', 'c')]) await unpacked(name, 8);
  await symlink(path.join(place, 'media'), path.join(place, nameOf('sharp', 'd')));

  removeOldLibraries(used, NOW);
  expect((await readdir(place)).sort()).toEqual([...stays, path.basename(used), nameOf('sharp', 'd')].sort());
  expect(await readdir(path.join(place, 'media'))).toEqual(['addon.node']);
  // It counts as loaded now: another version's start leaves it alone.
  removeOldLibraries(path.join(place, nameOf('sqlite', 'b')), NOW + 6 * DAY_MS);
  expect(await readdir(place)).toContain(path.basename(used));
});

test('what a running process has loaded stays until it ends', async () => {
  const used = await unpacked(nameOf('sqlite', 'a'), 0);
  const other = await unpacked(nameOf('sqlite', 'b'), 0);
  const addon = path.join(other, 'addon.node');
  await copyFile(`node_modules/better-sqlite3/prebuilds/${process.platform}-${process.arch}.node`, addon);
  const script = `process.dlopen({ exports: {} }, ${JSON.stringify(addon)}); console.log('loaded'); setInterval(() => {}, 1e6);`;
  const running = spawn(process.execPath, ['-e', script], { stdio: ['ignore', 'pipe', 'inherit'] });
  await once(running.stdout, 'data');
  await age(other, 30);
  removeOldLibraries(used, NOW);
  expect(await readdir(other)).toEqual(['addon.node']);
  // And it is not looked for again at each start.
  expect((await stat(other)).mtimeMs).toBeGreaterThan(NOW - DAY_MS);

  const ended = once(running, 'exit');
  running.kill('SIGKILL');
  await ended;
  await age(other, 30);
  removeOldLibraries(used, NOW);
  expect(await readdir(place)).toEqual([path.basename(used)]);
});

test('a folder that is not there, or may not be written to, is nobody’s fault', () => {
  expect(() => removeOldLibraries(path.join(place, 'nothing', nameOf('sqlite', 'a')), NOW)).not.toThrow();
});
