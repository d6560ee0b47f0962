/** The packages that `.ci/run` installs before the tests are those that the tests would install themselves. */
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';

const PROJECT = join(import.meta.dirname, '../..');
const NAMED = /debianPackages(?:: | = )\[([^\]]*)\]|program\('[^']*', ('[^']*')\)/g;

test('each is named by a program of the tests, and each program’s is there', () => {
  const listed = readFileSync(join(PROJECT, '.ci/debian-packages'), 'utf8').trim().split('\n');
  const named = ['test/services', 'test/deploy'].flatMap((folder) =>
    readdirSync(join(PROJECT, folder)).map((file) => ({ file, path: join(PROJECT, folder, file) })),
  );
  const packages = new Set<string>();
  for (const { file, path } of named) {
    if (!file.endsWith('.ts') || file === 'browser-page.test.ts') continue;
    const text = readFileSync(path, 'utf8');
    if (!text.includes('debianPackages')) continue;
    for (const [, list = '', ofProgram = ''] of text.matchAll(NAMED))
      for (const [, name = ''] of `${list}${ofProgram}`.matchAll(/'([^']+)'/g)) packages.add(name);
  }
  expect([...packages].sort()).toEqual(listed);
});
