/** The key of development mode: made once, kept, readable by its owner only, and never empty. */
import { mkdtemp, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { developmentSecret } from '../../server/auth/development-secret.ts';

let folder = '';
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'chatdrop-secret-'));
});
afterEach(() => rm(folder, { recursive: true }));

test('is random, and the same again', () => {
  const secret = developmentSecret(folder);
  expect(Buffer.from(secret, 'base64url')).toHaveLength(48);
  expect(developmentSecret(folder)).toBe(secret);
});

test('is its owner’s only', async () => {
  developmentSecret(folder);
  expect((await stat(join(folder, 'development-secret'))).mode & 0o777).toBe(0o600);
});

test('is made in a folder that is not there yet: a token before the first start', async () => {
  const secret = developmentSecret(join(folder, 'data'));
  expect(await readFile(join(folder, 'data', 'development-secret'), 'utf8')).toBe(secret);
});

test('of a process that died while it wrote is made anew', async () => {
  await writeFile(join(folder, 'development-secret'), '');
  expect(developmentSecret(folder).length).toBeGreaterThanOrEqual(32);
});
