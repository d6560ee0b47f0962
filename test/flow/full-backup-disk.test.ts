/** A disk that is full under a backup or a restore: one line that says so, nothing half is left, and the server goes on. */
import { execFile } from 'node:child_process';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { EXECUTABLE, SERVER_ENTRY } from '../services/built-server.ts';
import { listFiles, shareFile } from '../services/chat-api.ts';
import { newChatRoom } from '../services/chat-room.ts';
import { chatdropForSuite } from '../services/chatdrop-suite.ts';
import { mp4File, textFile } from '../services/fixtures.ts';
import { mayMount } from '../services/may-mount.ts';
import { runCommandHere } from '../services/run-command.ts';

const MIB = 1024 * 1024;
const TIMEOUT_MS = 60_000;

const server = chatdropForSuite();
let disk = '';
beforeAll(async () => {
  disk = await mkdtemp(path.join(tmpdir(), 'chatdrop-small-'));
});
afterAll(() => rm(disk, { recursive: true, force: true }));

/** A shell script in a mount namespace of its own, with a disk of 2 MiB at `$DISK` that goes with it; `chatdrop` is a word there. */
async function onSmallDisk(script: string, env: Record<string, string>): Promise<string> {
  const command = EXECUTABLE === undefined ? `'${process.execPath}' '${SERVER_ENTRY}'` : `'${EXECUTABLE}'`;
  const whole = `chatdrop() { ${command} "$@" 2>&1; echo "exit $?"; }\nmount -t tmpfs -o size=2m,mode=700 none "$DISK"\n${script}`;
  const words = [process.getuid?.() === 0 ? '-m' : '-rm', '/bin/sh', '-c', whole];
  return new Promise((resolve, reject) => {
    // The script's own words are found by it, also where the server is given none.
    const given = { ...env, PATH: process.env.PATH ?? '', HOME: process.env.HOME ?? '', DISK: disk };
    execFile('/usr/bin/unshare', words, { env: given, timeout: TIMEOUT_MS }, (error, stdout) =>
      error === null ? resolve(stdout) : reject(error),
    );
  });
}

test('a backup that does not fit is none: not as an archive, not in a folder; with room the folder goes on', async () => {
  if (!(await mayMount('tmpfs'))) return;
  const { baseUrl, env } = server();
  const room = newChatRoom();
  await shareFile({ baseUrl, room, body: mp4File(3 * MIB), name: 'film.mp4' });
  const none = (place: string) =>
    `chatdrop: There is no room for the backup at ${disk}/${place}: it was not made, and nothing half is left.\nexit 1\n`;
  expect(await onSmallDisk('chatdrop backup "$DISK/one.tar"; ls -A "$DISK"', env)).toBe(none('one.tar'));

  const folder = await onSmallDisk(
    `chatdrop backup "$DISK/all/"; find "$DISK/all" -name '*.partial*'; ls -A "$DISK/all/snapshots"
     mount -o remount,size=32m "$DISK"; chatdrop backup "$DISK/all/"; chatdrop restore "$DISK/all" --check`,
    env,
  );
  const [failed = '', ...rest] = folder.split('exit 1\n');
  expect(`${failed}exit 1\n`).toBe(none('all/'));
  expect(rest.join('exit 1\n')).toMatch(/^Backed up: 1 files .+\nexit 0\n.+: all is as the manifest says\.\nexit 0\n$/);

  expect((await listFiles(baseUrl, room)).count).toBe(1);
  await shareFile({ baseUrl, room, body: textFile(), name: 'after.txt' });
});

test('a restore that does not fit is none, no server starts on it, and with room it is done', async () => {
  if (!(await mayMount('tmpfs'))) return;
  const { baseUrl, env } = server();
  await shareFile({ baseUrl, room: newChatRoom(), body: mp4File(3 * MIB), name: 'film.mp4' });
  const archive = `${disk}.tar`;
  try {
    expect((await runCommandHere(['backup', archive], env)).code).toBe(0);
    const place = path.join(disk, 'data');
    const output = await onSmallDisk(
      `chatdrop restore '${archive}'; ls "$DATA_DIR" | grep -c '^chatdrop.sqlite$'; chatdrop serve
       mount -o remount,size=64m "$DISK"; chatdrop restore '${archive}'; chatdrop files verify`,
      { ...env, DATA_DIR: place, PORT: '0' },
    );
    const [restored, served, again] = output.split(/exit 1\n/);
    expect(restored).toBe(
      `chatdrop: There is no room in ${place} or ${place}/media. Make room and run it again: it begins anew.\n`,
    );
    expect(served).toMatch(/^0\n.*A restore was begun in .+ and has not come to its end/s);
    expect(again).toMatch(/all is as the manifest says\.\nRestored\..*\nexit 0\n.*: all is well\.\nexit 0\n$/s);
  } finally {
    await rm(archive, { force: true });
  }
});
