/** The unit for one server: systemd finds no fault in it, and it may do no more than it needs. */
import { execFile } from 'node:child_process';
import { mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { promisify } from 'node:util';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { debianProgram, installDebianPrograms } from '../services/debian-programs.ts';
import { readDeployedSettings } from '../services/deployed-settings.ts';
import { TEST_SECRET } from '../services/tokens.ts';

const PROJECT = path.join(import.meta.dirname, '../..');
const ANALYZE = {
  title: 'systemd-analyze',
  setting: 'TEST_SYSTEMD_ANALYZE',
  commands: ['systemd-analyze'],
  debianPackages: ['systemd'],
};
/** Tenths of the measure of systemd: 0 may do nothing, 100 everything. The network and its devices are needed. */
const MAX_EXPOSURE = 20;
/** Seconds that the server may take to drain, by the README. */
const DRAIN_SECONDS = 10;
const run = promisify(execFile);

const unit = await readFile(path.join(PROJECT, 'deploy/chatdrop.service'), 'utf8');
let folder = '';
let file = '';
beforeAll(async () => {
  await installDebianPrograms([ANALYZE]);
  folder = await mkdtemp(path.join(tmpdir(), 'chatdrop-unit-'));
  file = path.join(folder, 'chatdrop.service');
  // The same unit, for a program and a user that there are.
  const here = unit
    .replace('/usr/local/bin/chatdrop', process.execPath)
    .replace('User=chatdrop', 'User=daemon')
    .replace('Group=chatdrop', 'Group=daemon');
  await writeFile(file, here);
});
afterAll(() => rm(folder, { recursive: true, force: true }));

test('systemd understands every line, and finds what is to be run', async () => {
  expect(await analyze('verify', '--man=no', file)).toEqual({ code: 0, said: '' });
  await writeFile(path.join(folder, 'wrong.service'), unit.replace('ProtectSystem', 'ProtectSytem'));
  const wrong = await analyze('verify', '--man=no', path.join(folder, 'wrong.service'));
  expect(wrong.said).toContain('ProtectSytem');
});

test('so it does with a checkout in the place of the executable', async () => {
  const name = 'chatdrop-checkout.conf';
  const change = await readFile(path.join(PROJECT, 'deploy', name), 'utf8');
  const beside = `${file}.d`;
  await mkdir(beside);
  await writeFile(path.join(beside, name), change.replaceAll('/opt/chatdrop', PROJECT));
  expect(await analyze('verify', '--man=no', file)).toEqual({ code: 0, said: '' });
  await writeFile(path.join(beside, name), change.replaceAll('/opt/chatdrop', path.join(folder, 'nothing')));
  expect((await analyze('verify', '--man=no', file)).said).toContain('nothing/node_modules/.bin/node');
  await rm(beside, { recursive: true });
});

test('it may do little', async () => {
  const { code } = await analyze('security', '--offline=yes', `--threshold=${MAX_EXPOSURE}`, file);
  expect(code).toBe(0);
});

test('it gives the server folders that it may write to, time to drain, and one signal', () => {
  const value = (name: string) => unit.match(new RegExp(`^${name}=(.*)$`, 'm'))?.[1];
  const settings = Object.fromEntries((value('Environment') ?? '').split(' ').map((pair) => pair.split('=')));
  const { dataDir } = readDeployedSettings({ ...settings, JWT_SECRET: TEST_SECRET });
  expect(dataDir).toBe(`/var/lib/${value('StateDirectory')}`);
  expect(settings.UNPACK_DIR).toBe(`/var/cache/${value('CacheDirectory')}`);
  expect([value('StateDirectoryMode'), value('CacheDirectoryMode')]).toEqual(['0700', '0700']);
  expect(Number(value('TimeoutStopSec'))).toBeGreaterThan(DRAIN_SECONDS);
  expect(value('KillMode')).toBe('mixed');
});

async function analyze(...words: string[]): Promise<{ code: number; said: string }> {
  const ended = await run(debianProgram(ANALYZE), words).catch((error) => error);
  return { code: ended.code ?? 0, said: ended.stderr.trim() };
}
