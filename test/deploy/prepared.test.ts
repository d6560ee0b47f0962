/**
 * What the build has compiled is taken at a start: V8 drops it without a word where an option of its own is another one. And the
 * script is without what would make a start slow.
 */
import { execFileSync } from 'node:child_process';
import { readdirSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { expect, test } from 'vitest';
import { CHEAP_CONTEXTS } from '../../server/right-node.js';

const BUILT = path.join(import.meta.dirname, '../../dist/server');
const LOOK = `
const { readFileSync } = require('node:fs');
const [filename, prepared] = process.argv.slice(1);
const code = readFileSync(filename, 'latin1');
console.log(new (require('node:vm').Script)(code, { filename, cachedData: readFileSync(prepared) }).cachedDataRejected);`;

const fileOf = (ending: string) => {
  const found = readdirSync(BUILT).filter((name) => name.startsWith('server-') && name.endsWith(ending));
  expect(found).toHaveLength(1);
  return path.join(BUILT, found[0] ?? '');
};

test.each([[[]], [[CHEAP_CONTEXTS]]])('a start with the options %j takes it', (options) => {
  const script = fileOf('js');
  const said = execFileSync(process.execPath, [...options, '-e', LOOK, script, fileOf('.bin')], { encoding: 'utf8' });
  expect(said.trim()).toBe('false');
});

test.each([
  ['the languages of zod', 'Ung\\xFCltige Eingabe'],
  ['who asks V8 for the lines of the whole script', 'getCallSites'],
  ['who warns of what is deprecated, and asks for lines too', 'callSiteLocation'],
])('the script has not: %s', (_what, text) => {
  expect(readFileSync(fileOf('js'), 'latin1').includes(text)).toBe(false);
});
